"""Run Lighthouse, Google's audit of web pages, as on a mobile phone. `npm ci --prefix benchmarks` installs it."""

import json
import os
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromium import MISSING, find_chromium

PROGRAM = Path(__file__).parent / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
#: Milliseconds, or a sum of shares for the layout shift.
METRICS = {
    "first-contentful-paint": "first contentful paint",
    "largest-contentful-paint": "largest contentful paint",
    "speed-index": "speed index",
    "total-blocking-time": "total blocking time",
    "cumulative-layout-shift": "layout shift",
}


@dataclass(frozen=True)
class Audit:
    """The result of several runs. Scores are from 0 to 100. ``failed`` has the IDs and titles of audits below 100."""

    scores: dict[str, float]
    metrics: dict[str, float]
    failed: dict[str, str]


def run_lighthouse(url: str, rounds: int) -> Audit:
    """Return the medians of several runs. Raises LookupError if Lighthouse or the browser is not installed."""
    reports = [_run_once(url) for _ in range(rounds)]
    scores = {
        each: statistics.median(100 * report["categories"][each]["score"] for report in reports) for each in CATEGORIES
    }
    metrics = {
        each: statistics.median(float(report["audits"][each]["numericValue"]) for report in reports) for each in METRICS
    }
    failed = {name: audit["title"] for report in reports for name, audit in _list_failed(report)}
    return Audit(scores, metrics, failed)


def _run_once(url: str) -> dict[str, Any]:
    browser, node = find_chromium(), shutil.which("node")
    if browser is None:
        raise LookupError(MISSING)
    if node is None or not PROGRAM.exists():
        raise LookupError("Lighthouse is not installed: npm ci --prefix benchmarks")
    flags = "--headless=new" + (" --no-sandbox" if os.geteuid() == 0 else "")
    command = [node, str(PROGRAM), url, "--quiet", "--output=json", "--no-enable-error-reporting"]
    command += [f"--chrome-flags={flags}", f"--only-categories={','.join(CATEGORIES)}"]
    done = subprocess.run(command, env=os.environ | {"CHROME_PATH": browser}, capture_output=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    if report.get("runtimeError"):
        raise RuntimeError(report["runtimeError"]["message"])
    return report


def _list_failed(report: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the audits that lower a score."""
    counted = {each["id"] for group in report["categories"].values() for each in group["auditRefs"] if each["weight"]}
    audits = {name: report["audits"][name] for name in counted}
    return sorted((name, each) for name, each in audits.items() if each["score"] is not None and each["score"] < 1)
