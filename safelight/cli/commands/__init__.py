"""The commands of ``safelight``: one module each, loaded when the command runs."""

from typing import NamedTuple

IMAGES, JOBS, CATALOG, OPERATORS = "Images", "Jobs", "Catalog", "Operators"
STACK = "Local stack and deployment"


class CommandRow(NamedTuple):
    """What ``safelight --help`` shows of a command, and the module that has it.

    The module has either a Typer application ``app``, or a function of its own name and ``EXAMPLES``.
    """

    name: str
    panel: str
    module: str
    help: str


COMMANDS = (
    CommandRow("demo", IMAGES, "safelight.cli.commands.demo", "Start a local Safelight and process sample images."),
    CommandRow("submit", IMAGES, "safelight.cli.commands.submit", "Process images, one job per file."),
    CommandRow("ingest", IMAGES, "safelight.cli.commands.ingest", "Process any number of images, resumably."),
    CommandRow("plan", IMAGES, "safelight.cli.commands.plan", "Preview what a job would do."),
    CommandRow("backfill", IMAGES, "safelight.cli.commands.backfill", "Process stored images again."),
    CommandRow("status", JOBS, "safelight.cli.commands.status", "Show the status of jobs."),
    CommandRow("list", JOBS, "safelight.cli.commands.list_jobs", "List jobs, newest first."),
    CommandRow("result", JOBS, "safelight.cli.commands.result", "Download a processed image."),
    CommandRow("cancel", JOBS, "safelight.cli.commands.cancel", "Cancel jobs that are not done."),
    CommandRow("retry", JOBS, "safelight.cli.commands.retry", "Retry failed or cancelled jobs."),
    CommandRow("delete", JOBS, "safelight.cli.commands.delete", "Delete jobs with their images and records."),
    CommandRow("receipt", JOBS, "safelight.cli.commands.receipt", "Print the receipt of a completed job."),
    CommandRow("verify", JOBS, "safelight.cli.commands.verify", "Verify a job's images against its receipt."),
    CommandRow("presets", CATALOG, "safelight.cli.commands.presets", "Manage presets (named pipelines)."),
    CommandRow("assets", CATALOG, "safelight.cli.commands.assets", "Manage watermark images."),
    CommandRow("webhook", CATALOG, "safelight.cli.commands.webhooks", "Receive webhooks on this machine."),
    CommandRow("dead-letters", OPERATORS, "safelight.cli.commands.dead_letters", "List and redrive dead letters."),
    CommandRow("up", STACK, "infra.commands", "Start a local Safelight."),
    CommandRow("down", STACK, "infra.commands", "Stop the local Safelight."),
    CommandRow("deploy", STACK, "infra.commands", "Deploy to an AWS account."),
    CommandRow("destroy", STACK, "infra.commands", "Delete a deployment from an AWS account."),
    CommandRow("doctor", STACK, "infra.commands", "Check the local setup."),
)
