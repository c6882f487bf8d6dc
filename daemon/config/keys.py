"""Where a workspace's API key is read, again at each login, so that a key can be changed without a restart."""

import os
from collections.abc import Mapping

from daemon.config.ends import Workspace
from daemon.errors import ConfigError


def read_api_key(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> str:
    """The key as it is now, without the white space around it; ConfigError when there is none."""
    if workspace.api_key is not None:
        key, place = workspace.api_key.get_secret_value(), "api_key"
    elif workspace.api_key_env is not None:
        key, place = environ.get(workspace.api_key_env, ""), f"the environment variable {workspace.api_key_env}"
    else:
        key, place = _file_text(workspace), f"the file {workspace.api_key_file}"
    if not key.strip():
        raise ConfigError(
            f"There is no API key of workspace {workspace.id} in {place}", remedy="Put the key from Consentio there."
        )
    return key.strip()


def _file_text(workspace: Workspace) -> str:
    assert workspace.api_key_file is not None  # noqa: S101  # the model lets no other case through
    try:
        return workspace.api_key_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"The API key of workspace {workspace.id} cannot be read from {workspace.api_key_file}: {reason}",
            remedy="Put the key there, or correct api_key_file.",
        ) from None
