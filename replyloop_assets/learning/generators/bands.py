"""How sure an account's generator is: the seed's confidence, and its words for it."""

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import Floats
from replyloop_assets.learning.generators.settings import GeneratorSettings

USE, CAUTION, DEFAULT = "use", "use with caution", "default"
ANY_ACCOUNT = "*"


def confidence(sample_size: Floats, settings: GeneratorSettings) -> Floats:
    """min(n / 30, 1): the seed's confidence, from 0 to 1."""
    return np.minimum(sample_size / settings.full_confidence_samples, 1.0)


def bands(confidences: Floats, settings: GeneratorSettings) -> NDArray[np.object_]:
    """The seed's band of each confidence: above 0.7 use, above 0.4 use with caution, else default."""
    return np.select(
        [confidences > settings.use_confidence, confidences > settings.caution_confidence],
        [USE, CAUTION],
        DEFAULT,
    ).astype(object)
