"""``--to ro-crate``: a directory that can be archived: the runs, their report, and metadata.

The metadata follow RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and the profile for the provenance
of processes, Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5): each run is an action
of this program on a preset, with the files it made.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.text import reason_text
from opro_cli.export.course import Course, read_course
from opro_cli.export.crate_sources import Sources
from opro_cli.export.target import Destination, Exported, ExportFailed, Target, write_file
from opro_cli.report import render
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RUN_FILE, StoredRun

METADATA = "ro-crate-metadata.json"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE = "#opro"

REPORTS = {"report.md": "markdown", "report.csv": "csv", "report.json": "json"}
"""The reports in a crate, and their formats."""

KINDS = {
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".py": "text/x-python",
    **dict.fromkeys((".yaml", ".yml"), "application/yaml"),
}
"""Media types by the ending of a file; of others as the system knows them."""

STATES = {
    "converged": "CompletedActionStatus",
    "stopped": "CompletedActionStatus",
    "failed": "FailedActionStatus",
}


class RoCrateTarget(Target):
    """A directory with runs, reports and metadata."""

    summary = "a directory to archive: the runs, their report, metadata (RO-Crate 1.1)"
    to_path = True

    @override
    def check(self, where: Destination) -> None:
        super().check(where)
        path = where.path
        if path is None or not path.exists():
            return
        if not path.is_dir():
            raise UsageError(f"--output {path} is a file.", "name a directory for the crate")
        if any(path.iterdir()) and not (path / METADATA).is_file():
            raise UsageError(
                f"--output {path} holds other files.", "name a new directory, or one of a crate"
            )

    @override
    def export(self, runs: Sequence[StoredRun], where: Destination) -> Exported:
        folder = where.path or Path()
        courses = [read_course(run) for run in runs]
        files: dict[str, list[str]] = {}
        for course in courses:
            files[course.run.id] = _copy(course.run, folder, where)
        sources = Sources(where.redact)
        for run in runs if where.texts else ():
            sources.add(run)
        for path, text in sources.texts.items():
            _write(folder, path, text)
        reports = list(REPORTS) if where.texts else []
        for name in reports:
            text = render(summarize(runs), REPORTS[name])
            _write(folder, name, where.redact(text))
        described = crate(courses, files, reports, where, sources)
        text = json.dumps(described, indent=2, ensure_ascii=False)
        _write(folder, METADATA, text + "\n")
        number = sum(map(len, files.values())) + len(sources.texts) + len(reports) + 1
        return Exported(str(folder), {"runs": len(runs), "files": number}, tuple(sources.notes))


TARGET = RoCrateTarget()


def _write(folder: Path, inside: str, text: str) -> None:
    """Write a file of the crate. Raises ExportFailed, also for a link, which leads elsewhere."""
    path = folder / inside
    for place in (path, *path.parents):
        if place == folder:
            break
        if place.is_symlink():
            raise ExportFailed(f"{place} is a link.", "name a new directory")
    write_file(path, text)


def _copy(run: StoredRun, folder: Path, where: Destination) -> list[str]:
    """Copy the files of a run; their paths in the crate.

    Logs are copied byte by byte, with their checksums: keys were removed when they were written.
    """
    made = []
    for file in sorted(run.path.iterdir()):
        if file.is_symlink() or not file.is_file() or file.suffix not in (".json", ".jsonl"):
            continue
        if file.name == "writer.json" or (file.name != RUN_FILE and not where.texts):
            continue
        inside = f"runs/{run.id}/{file.name}"
        try:
            text = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ExportFailed(f"{file} cannot be read: {error}.", "see `opro replay`") from None
        if where.redact(text) != text:
            raise ExportFailed(
                f"{file} holds a key of the environment.",
                "this run is not exported; --no-texts leaves out all logs",
            )
        _write(folder, inside, text)
        made.append(inside)
    return made


def crate(
    courses: Sequence[Course],
    files: dict[str, list[str]],
    reports: Sequence[str],
    where: Destination,
    sources: Sources,
) -> dict[str, Any]:
    """The metadata, as JSON-LD.

    Args:
        courses: the runs.
        files: the paths of each run's files in the crate, by the run's id.
        reports: the paths of the reports.
        where: removes keys from what is said.
        sources: what the runs were made from.
    """
    last = max((course.ended for course in courses), default=None)
    presets = sorted({course.record.spec.preset for course in courses})
    paths = [*reports, *sources.texts, *(p for found in files.values() for p in found)]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Runs of opro: {', '.join(presets)}",
        "description": f"{len(courses)} optimization runs with every event, and their report.",
        "datePublished": last.isoformat() if last else None,
        "license": {"@id": "#licence"},
        "conformsTo": {"@id": PROFILE},
        "hasPart": [{"@id": path} for path in paths],
        "mentions": [{"@id": _action_id(course)} for course in courses],
    }
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": SPECIFICATION},
        },
        root,
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": "0.5",
        },
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "No licence chosen",
            "description": "Whoever publishes this crate chooses the licence of its content.",
        },
        *_software(courses),
        *(_action(course, files[course.run.id], where, sources) for course in courses),
        *(_file(path) for path in paths),
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _software(courses: Sequence[Course]) -> Iterator[dict[str, Any]]:
    """The versions of this program that made the runs."""
    for version in sorted({_version(course) for course in courses}):
        yield {
            "@id": f"{SOFTWARE}-{version}",
            "@type": "SoftwareApplication",
            "name": "opro",
            "softwareVersion": version,
            "url": "https://pypi.org/project/opro-cli/",
        }


def _version(course: Course) -> str:
    return str(course.run.about.get("versions", {}).get("opro", "unknown"))


def _action_id(course: Course) -> str:
    return f"#{course.run.id}"


def _action(
    course: Course, files: Sequence[str], where: Destination, sources: Sources
) -> dict[str, Any]:
    """A run as an action."""
    totals = course.record.totals
    used = [path for path in files if path.endswith(RUN_FILE)]
    used += sources.of_run.get(course.run.id, [])
    made: dict[str, Any] = {
        "@id": _action_id(course),
        "@type": "CreateAction",
        "name": where.redact(course.record.view.name),
        "description": where.redact(str(course.run.about.get("command", ""))),
        "startTime": course.began.isoformat(),
        "endTime": course.ended.isoformat(),
        "instrument": {"@id": f"{SOFTWARE}-{_version(course)}"},
        "object": [{"@id": path} for path in used],
        "result": [{"@id": path} for path in files if not path.endswith(RUN_FILE)],
        "actionStatus": f"http://schema.org/{STATES.get(totals.state, 'ActiveActionStatus')}",
    }
    if totals.error:
        made["error"] = where.redact(totals.error)
    elif totals.reason:
        made["description"] += f" ({reason_text(totals.reason)})"
    return made


def _file(path: str) -> dict[str, Any]:
    kind = KINDS.get(Path(path).suffix) or mimetypes.guess_type(path)[0]
    code = path.endswith(".py")
    return {
        "@id": path,
        "@type": ["File", "SoftwareSourceCode"] if code else "File",
        "name": Path(path).name,
        "encodingFormat": kind or "text/plain",
    }
