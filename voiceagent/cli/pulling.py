"""The model files of some settings, fetched before they are read."""

from voiceagent.app.specs import model_files
from voiceagent.config.settings import Settings
from voiceagent.weights import Store
from voiceagent.weights.progress import Reporter
from voiceagent.weights.pull import pull


def pull_missing(settings: Settings, reporter: Reporter) -> None:
    """Make the pinned models that these settings name present and verified; paths and models of a hub are left alone.

    Raises WeightsError for a file that could not be had, DiskFullError where it does not fit.
    """
    store = Store(settings.weights.dir)
    pull(store, [name for name in model_files(settings) if name in store.manifest.models], reporter=reporter)
