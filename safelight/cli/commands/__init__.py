"""The table of commands. Each module is loaded when its command runs."""

from typing import NamedTuple

IMAGES, JOBS, CATALOG, OPERATORS = "Images", "Jobs", "Catalog", "Operators"
STACK = "Local stack and deployment"
#: Old names of commands, which the help does not show.
HIDDEN = ""


class CommandRow(NamedTuple):
    """A command: its entry in ``safelight --help``, and its module.

    The module defines either a Typer application ``app``, or ``EXAMPLES`` and a function with the name of the module.
    ``help`` is the first sentence of the command's own help.
    """

    name: str
    panel: str
    module: str
    help: str


COMMANDS = (
    CommandRow("demo", IMAGES, "safelight.cli.commands.demo", "Start a local stack and process sample images."),
    CommandRow("submit", IMAGES, "safelight.cli.commands.submit", "Process images, one job per file."),
    CommandRow(
        "ingest",
        IMAGES,
        "safelight.cli.commands.ingest",
        "Process any number of images, and resume after an interruption.",
    ),
    CommandRow(
        "plan",
        IMAGES,
        "safelight.cli.commands.plan",
        "Preview a job: sizes, formats, warnings, and an estimate of time and memory.",
    ),
    CommandRow(
        "facts",
        IMAGES,
        "safelight.cli.facts",
        "Show facts about images, such as the camera, the main colors and the caption.",
    ),
    CommandRow(
        "backfill",
        IMAGES,
        "safelight.cli.commands.backfill",
        "Process stored images again, with any preset or pipeline.",
    ),
    CommandRow(
        "import",
        IMAGES,
        "safelight.cli.commands.import_prefix",
        "Process the objects under an S3 prefix on the server, without this machine.",
    ),
    CommandRow(
        "watches",
        IMAGES,
        "safelight.cli.watches",
        "Manage watches, which process each object that appears under an S3 prefix.",
    ),
    CommandRow("status", JOBS, "safelight.cli.commands.status", "Show the status of jobs."),
    CommandRow("wait", JOBS, "safelight.cli.wait", "Wait until jobs have ended, and show their status."),
    CommandRow("list", JOBS, "safelight.cli.commands.list_jobs", "List jobs, newest first."),
    CommandRow("result", JOBS, "safelight.cli.commands.result", "Download a processed image."),
    CommandRow("cancel", JOBS, "safelight.cli.commands.cancel", "Cancel jobs that have not ended."),
    CommandRow("retry", JOBS, "safelight.cli.commands.retry", "Retry failed or cancelled jobs."),
    CommandRow("delete", JOBS, "safelight.cli.commands.delete", "Delete jobs, their images and their records."),
    CommandRow("batches", JOBS, "safelight.cli.commands.batches", "Manage batches of jobs."),
    CommandRow("receipt", JOBS, "safelight.cli.commands.receipt", "Print the receipt of a completed job."),
    CommandRow("verify", JOBS, "safelight.cli.commands.verify", "Verify a job's images against its receipt."),
    CommandRow("presets", CATALOG, "safelight.cli.commands.presets", "Manage presets (named pipelines)."),
    CommandRow("assets", CATALOG, "safelight.cli.commands.assets", "Manage assets (stored images for watermarks)."),
    CommandRow(
        "tokens",
        CATALOG,
        "safelight.cli.commands.tokens",
        "Manage upload tokens, with which web pages upload images without your credentials.",
    ),
    CommandRow(
        "webhooks",
        CATALOG,
        "safelight.cli.commands.webhooks",
        "Manage webhooks, and receive their events on this machine.",
    ),
    CommandRow(
        "webhook",
        HIDDEN,
        "safelight.cli.commands.webhooks",
        "Manage webhooks, and receive their events on this machine.",
    ),
    CommandRow(
        "dead-letters",
        OPERATORS,
        "safelight.cli.commands.dead_letters",
        "List dead letters (messages and jobs that failed repeatedly), and redrive them (run their jobs again).",
    ),
    CommandRow("up", STACK, "infra.commands", "Start a local stack, and wait until its API is healthy."),
    CommandRow("logs", STACK, "infra.inspection", "Show the logs of the functions of the local stack."),
    CommandRow(
        "invoke",
        STACK,
        "infra.invocation",
        "Run a function of the local stack in this terminal, with the code of this installation.",
    ),
    CommandRow("env", STACK, "infra.inspection", "Print environment variables for the local stack."),
    CommandRow("reset", STACK, "infra.inspection", "Delete all data of the local stack, and start it again."),
    CommandRow(
        "init-hook",
        STACK,
        "infra.init_hook.export",
        "Write a folder with which a LocalStack-compatible container deploys Safelight when it is ready.",
    ),
    CommandRow("down", STACK, "infra.commands", "Stop the local stack."),
    CommandRow("deploy", STACK, "infra.commands", "Deploy Safelight to an AWS account."),
    CommandRow(
        "destroy",
        STACK,
        "infra.commands",
        "Delete a stack, with all its images and jobs, from an AWS account.",
    ),
    CommandRow("doctor", STACK, "infra.commands", "Check the setup and show how to fix problems."),
)
