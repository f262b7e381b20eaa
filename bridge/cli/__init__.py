"""The commands. Each is a module of its own and is loaded only when it is called, so that `serve` starts fast.

Exit codes: 0; 1 the work failed; 2 usage or configuration.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from bridge.errors import BridgeError, ConfigError, StoreError


class Entry(NamedTuple):
    #: under bridge.cli
    module: str
    #: what `chat2crm --help` says of it; kept here, so that the list needs none of the modules
    about: str
    #: the command's name in its module, where it is not its own
    attribute: str = ""


#: the order is that of --help: set it up, run it, look after it
COMMANDS: dict[str, Entry] = {
    "demo": Entry("demo", "See it work: the real service, a sandbox CRM, recorded chats."),
    "init": Entry("init", "Ask a few questions and write config.yaml and .env."),
    "check": Entry("check", "Can the configuration and the mappings be used? Does the CRM let us in?"),
    "urls": Entry("urls", "Print what to paste where at the chat services."),
    "serve": Entry("serve", "Receive chats and write them into the CRM, until told to stop."),
    "try": Entry("trial", "Take one chat the whole way without writing anything.", "trial"),
    "send": Entry("send", "Post a sample to the running service as the chat service would."),
    "jobs": Entry("jobs", "List chats and what became of them."),
    "show": Entry("show", "Show everything that is known about one job."),
    "report": Entry("report", "Count chats: missed, how soon answered, what they brought."),
    "replay": Entry("replay", "Send jobs round again: what is not done, nothing twice."),
    "skip": Entry("skip", "Leave jobs out for good."),
    "written": Entry("written", "Say that the operation whose outcome is unknown was carried out."),
    "choose": Entry("choose", "Say whose chat it is, where several clients fit."),
    "auth": Entry("auth", "Let chat2crm into a CRM that gives access for a while only."),
    "go": Entry("go", "Let a stopped target go on."),
    "reconcile": Entry("reconcile", "Import older chats from a chat service's own list, quietly."),
    "extract": Entry("extract", "Find phones and e-mails in chats: JSONL in, JSONL out."),
    "capture": Entry("capture", "Keep what a chat service sends as masked samples."),
    "store": Entry("store", "Back up the store, or go back to a backup."),
    "prune": Entry("prune", "Empty what retention does not keep."),
    "forget": Entry("people", "Erase a person's data here, and say what the CRM still holds."),
    "export": Entry("people", "Hand out everything that is kept of a person."),
    "audit": Entry("audit", "List who looked at raw data, sent jobs round, erased."),
    "password": Entry("password", "Make a hash of the ops page's password for the configuration."),
    "diff": Entry("diff", "Show what another version of a mapping would change."),
    "new": Entry("new", "Begin a mapping of your own."),
    "schema": Entry("schema", "Print a JSON Schema for your editor."),
    "version": Entry("version", "Print the version."),
}

FAILED, MISUSED = 1, 2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        module = importlib.import_module(f"bridge.cli.{entry.module}")
        command: click.Command = getattr(module, entry.attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.about) for name, entry in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from bridge.mapping.suggestions import nearest  # only a mistyped command needs it

            hint = nearest(args[0], COMMANDS) if args else ""
            raise click.UsageError(error.message + hint, ctx) from None


BEGINNINGS = """\b
To see it work:                 chat2crm demo
To set it up:                   chat2crm init, then check, urls, serve
When a chat is not in the CRM:  chat2crm jobs, then show JOB
"""


@click.group(cls=Commands, epilog=BEGINNINGS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-c", "--config", "config_path", type=click.Path(path_type=Path), envvar="CHAT2CRM_CONFIG", default="config.yaml",
    show_default=True, show_envvar=True, help="The configuration.",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, config_path: Path) -> None:
    """Carries finished website chats into CRMs: finds the phone and e-mail, matches or creates the client, attaches the
    transcript. Once.
    """
    ctx.obj = config_path


def main(args: list[str] | None = None) -> None:
    """The `chat2crm` command."""
    try:
        result: Any = cli.main(args=args, prog_name="chat2crm", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(MISUSED)
    except (ConfigError, StoreError) as error:
        click.echo(error.message, err=True)
        sys.exit(MISUSED)
    except BridgeError as error:
        click.echo(error.message, err=True)
        sys.exit(FAILED)
    except BrokenPipeError:
        # `chat2crm jobs | head`: nobody reads on, which is no failure
        _say_no_more()
        sys.exit(0)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _say_no_more()
        where = f" for {error.filename}" if error.filename else ""
        click.echo(f"There is no room left on the disk{where}; make some, and run this again.", err=True)
        sys.exit(FAILED)
    sys.exit(result if isinstance(result, int) else 0)


def _say_no_more() -> None:
    """What is still to be printed goes nowhere: at its end Python would try once more, and fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
