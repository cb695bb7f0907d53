"""What `apply` and `diff` share: the file, and reading it."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.declaring.declaration import Declaration, read_declaration
from tocsin_control.errors import Refused

File = Annotated[Path, typer.Option("--file", "-f", help="The declaration.")]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Delete integrations of the file's tenants that the file does not name, with their secrets."),
]
DEFAULT_FILE = Path("tocsin.yaml")


def read_file(path: Path) -> Declaration:
    """Read a declaration.

    Raises:
        Refused: no such file, or not one that we take; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8") from error
    return read_declaration(text, str(path))
