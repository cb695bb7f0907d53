"""GitLab: pipelines of a branch fail until one passes."""

from tocsin.streams.telling import Telling, Told, iso, template, told
from tocsin_contracts.times import MINUTE

_UTC = "%Y-%m-%d %H:%M:%S UTC"


def tell(telling: Telling) -> Told:
    """Write a pipeline hook."""
    trouble = telling.trouble
    document, headers = template("gitlab", "pipeline_success" if telling.ends else "pipeline_failed")
    branch = f"{trouble.name}/{trouble.environment}" + (f"-{trouble.place}" if trouble.place else "")
    pipeline, path = int(telling.id[:9], 16), f"acme/{trouble.service}"
    began, ended = iso(telling.at - 15 * MINUTE, _UTC), iso(telling.at, _UTC)
    document["object_attributes"] |= {
        "id": pipeline,
        "iid": telling.number + 1,
        "name": f"Pipeline for branch: {branch}",
        "ref": branch,
        "created_at": began,
        "finished_at": ended,
        "url": f"https://gitlab.example.com/{path}/-/pipelines/{pipeline}",
    }
    document["project"] |= {
        "id": int.from_bytes(trouble.service.encode()[:3]),
        "name": trouble.service.title(),
        "web_url": f"https://gitlab.example.com/{path}",
        "git_ssh_url": f"git@gitlab.example.com:{path}.git",
        "git_http_url": f"https://gitlab.example.com/{path}.git",
        "path_with_namespace": path,
    }
    (build,) = document["builds"]
    build |= {
        "id": pipeline * 10,
        "name": trouble.name,
        "created_at": began,
        "started_at": began,
        "finished_at": ended,
        "environment": {"name": trouble.environment, "action": "start", "deployment_tier": trouble.environment},
    }
    return told(document, headers | {"idempotency-key": telling.uuid})
