"""`schemad completion`: what has a shell complete verbs, options and values."""

from enum import StrEnum
from importlib.resources import files
from typing import Annotated

import typer


class Shell(StrEnum):
    """A shell that can be told how."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.", show_default=False)]) -> None:
    """Print the script that has a shell complete verbs, options and values.

    In bash: `eval "$(schemad completion bash)"` in ~/.bashrc. In zsh: `eval "$(schemad completion zsh)"` in
    ~/.zshrc, after compinit. In fish: `schemad completion fish | source` in ~/.config/fish/config.fish.
    """
    typer.echo(script(shell), nl=False)


def script(shell: Shell) -> str:
    """The script for a shell."""
    return (files("schemad") / "cli" / "completions" / f"schemad.{shell}").read_text(encoding="utf-8")
