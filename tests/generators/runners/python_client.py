"""Run jobs through the client that openapi-python-client generates: from a file, raw bytes and JSON."""

import base64
import io
import json
import sys
from pathlib import Path

from safelight_client import Client
from safelight_client.api.jobs import create_job, get_job, get_job_result
from safelight_client.models import JobContent, JobForm, JobView, LinkView
from safelight_client.types import File


def run(client: Client, body: File | JobForm | JobContent) -> JobView:
    """Create a job and return it when it has ended."""
    job = create_job.sync(client=client, body=body, format_="webp" if isinstance(body, File) else None)
    assert isinstance(job, JobView), job
    while not job.done:
        job = get_job.sync(job.id, client=client)
        assert isinstance(job, JobView), job
    assert job.status == "COMPLETED", job
    return job


def main() -> None:
    """Print the last job and the link to its image."""
    base_url, path = sys.argv[1], Path(sys.argv[2])
    data = path.read_bytes()
    client = Client(base_url=base_url)
    run(client, File(payload=io.BytesIO(data), mime_type="application/octet-stream"))
    run(client, JobForm(file=File(payload=io.BytesIO(data), file_name=path.name), format_="webp"))
    job = run(client, JobContent(content=base64.b64encode(data).decode(), format_="webp"))
    link = get_job_result.sync(job.id, client=client, redirect=False)
    assert isinstance(link, LinkView), link
    sys.stdout.write(json.dumps({"job": job.to_dict(), "link": link.to_dict()}))


main()
