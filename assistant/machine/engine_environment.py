"""What an engine process may see of the server's environment: a list. Keys, tokens and passwords are never on it.

The engine reads pictures that strangers made, with libraries that were not written for that. What it does not need it does not get.
"""

import os
import re
from collections.abc import Mapping

from assistant.settings import Settings

ON_THE_LIST = """
    PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TMP TEMP VIRTUAL_ENV
    PYTHONPATH PYTHONHOME PYTHONNOUSERSITE PYTHONSAFEPATH PYTHONUTF8 PYTHONIOENCODING PYTHONHASHSEED PYTHONWARNINGS
    PYTHONFAULTHANDLER PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH GLIBC_TUNABLES
    NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES NVIDIA_TF32_OVERRIDE GPU_DEVICE_ORDINAL ZE_AFFINITY_MASK
    XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HUB_OFFLINE HF_ENDPOINT
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
"""
NAMES = frozenset(ON_THE_LIST.split())
FAMILIES = re.compile(
    "(LC|CUDA|CUBLAS|CUDNN|PYTORCH|TORCH|TORCHINDUCTOR|TRITON|ROCR|HIP|HSA|OMP|GOMP|KMP|MKL|OPENBLAS|NUMEXPR|VECLIB|MALLOC)_[A-Z0-9_]+"
)
SECRETS = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH")  # whatever family somebody puts one into
PROXIES = re.compile("(https?|all|no)_proxy", re.IGNORECASE)


def engine_environment(settings: Settings) -> dict[str, str]:
    """The environment of an engine process: what it may inherit, with the weights and hub settings spelled out."""
    return {
        **inherited(fetches=settings.hub == "on"),
        "MURASCOPE_WEIGHTS": str(settings.weights_folder),
        "MURASCOPE_HUB": settings.hub,
        "PYTHONUNBUFFERED": "1",
    }


def may_see(name: str, *, fetches: bool) -> bool:
    """Whether an engine process may see this variable; one that `fetches` weights needs the way out, too."""
    if PROXIES.fullmatch(name):
        return fetches
    return name in NAMES or (FAMILIES.fullmatch(name) is not None and SECRETS.search(name) is None)


def inherited(*, fetches: bool, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The part of the environment that an engine process inherits."""
    return {name: value for name, value in environment.items() if may_see(name, fetches=fetches)}
