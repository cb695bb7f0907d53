"""GitHub Actions: runs of a workflow on a branch fail until one passes."""

from tocsin.streams.telling import Document, Telling, Told, iso, template, told
from tocsin.streams.trouble import Trouble

_SECONDS = "%Y-%m-%dT%H:%M:%SZ"


def tell(telling: Telling) -> Told:
    """Write `workflow_run`, completed."""
    trouble = telling.trouble
    case = "workflow_run_deploy_success" if telling.ends else "workflow_run_deploy_failure"
    document, headers = template("github", case)
    repository, workflow = f"acme/{trouble.service}", trouble.number("workflow", 8)
    run, path = int(telling.id[:11], 16), f".github/workflows/{trouble.name}.yml"
    branch = _branch(trouble)
    document["workflow_run"] |= {
        "id": run,
        "name": trouble.name,
        "head_branch": branch,
        "path": path,
        "display_title": f"{trouble.name} of {branch}",
        "run_number": 400 + telling.number,
        "workflow_id": workflow,
        "html_url": f"https://github.com/{repository}/actions/runs/{run}",
        "created_at": iso(telling.at - 60_000_000, _SECONDS),
        "updated_at": iso(telling.at, _SECONDS),
        "run_started_at": iso(telling.at - 60_000_000, _SECONDS),
        "repository": _repository(document["workflow_run"]["repository"], trouble),
        "head_repository": _repository(document["workflow_run"]["head_repository"], trouble),
    }
    document["workflow"] |= {
        "id": workflow,
        "name": trouble.name,
        "path": path,
        "html_url": f"https://github.com/{repository}/blob/{branch}/{path}",
    }
    document["repository"] = _repository(document["repository"], trouble) | {
        "name": trouble.service,
        "html_url": f"https://github.com/{repository}",
        "url": f"https://api.github.com/repos/{repository}",
    }
    return told(document, headers | {"x-github-delivery": telling.uuid})


def _branch(trouble: Trouble) -> str:
    """Name the branch: each place and environment has its own."""
    line = "main" if trouble.environment == "production" else "develop"
    return line if trouble.place == 0 else f"{line}-{trouble.place}"


def _repository(sample: Document, trouble: Trouble) -> Document:
    """Write the repository of the service: its workflows share it."""
    number = 770_000_000 + int.from_bytes(trouble.service.encode()[:3])
    return sample | {"id": number, "full_name": f"acme/{trouble.service}"}
