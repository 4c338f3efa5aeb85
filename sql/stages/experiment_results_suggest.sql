-- Writes one suggestion, and the fact that it was made; a second time it changes nothing.
WITH suggested AS (
    INSERT INTO experiments (
        id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy,
        status, started_at, created_at, horizon_days
    )
    VALUES (
        :id,
        cast(:treatment AS TEXT) || ' instead of ' || cast(:control AS TEXT),
        format(
            '%s may bring more followers than %s: %s replies so far say %s%%, and to know is worth %s%%.',
            cast(:treatment AS TEXT), cast(:control AS TEXT), cast(:replies AS INTEGER),
            to_char(cast(:expected_pct AS NUMERIC), 'SGFM999990'),
            to_char(cast(:gain AS NUMERIC) * 100, 'FM999990.0')
        ),
        :dimension,
        :control,
        :treatment,
        'suggested',
        NULL,
        :as_of,
        :horizon_days
    )
    ON CONFLICT (id) DO NOTHING
    RETURNING id, hypothesis
)

INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
SELECT
    suggested.id,
    'created',
    :as_of,
    'Suggested: ' || suggested.hypothesis,
    jsonb_build_object(
        'gain', cast(:gain AS DOUBLE PRECISION),
        'expected_pct', cast(:expected_pct AS DOUBLE PRECISION),
        'replies', cast(:replies AS INTEGER)
    )
FROM suggested
ON CONFLICT DO NOTHING
