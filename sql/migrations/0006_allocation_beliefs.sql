-- What the default rule believes of an arm; the draw is the seed's rule's alone.
ALTER TABLE strategy_allocation_history
ALTER COLUMN draw DROP NOT NULL,
ADD COLUMN p_best DOUBLE PRECISION, -- the chance that no arm of the family is better
ADD COLUMN expected_value DOUBLE PRECISION; -- of a reply, in followers or their blend
