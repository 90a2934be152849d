"""What the bench of clones has measured, as a table to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.scoring import spread

COLUMNS = {
    "similarity": "sim",
    "normalized_similarity": "norm",
    "second_similarity": "norm2",
    "word_error_rate": "WER",
    "naturalness": "DMOS",
    "dnsmos": "DNSMOS",
    "f0_mean_hz": "F0 Hz",
    "f0_sd_octaves": "F0 sd",
    "letters_per_second": "let/s",
}


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Each run's rows, and means with spread over the four voices of all seeds of one speaker, budget and commit."""
    lines = []
    for record in records:
        passes = "passes" if record["report"].get("passed_gates", True) else "does not pass"
        lines.append(
            f"\n{record['name']} ({record['commit']}, {record['machine']}): {record['recordings']} recordings, "
            f"compared with {record['compared_with']}; {record['minutes']} minutes, "
            f"{record.get('minutes_of_the_bench') or '?'} with what the bench adds; "
            f"strength {record['report'].get('strength')}, {passes} the gates"
        )
        lines.append(f"{'':22}" + "".join(f"{title:>8}" for title in COLUMNS.values()))
        for name, row in record["rows"].items():
            lines.append(f"{name:22}" + "".join(f"{row[column]:8.3f}" for column in COLUMNS))
        voices = spread([row for name, row in record["rows"].items() if name.startswith("V")])
        lines.append(f"{'mean of V0..V3':22}" + "".join(f"{voices[column][0]:8.3f}" for column in COLUMNS))
        stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in record["stage_seconds"].items())
        factors = ", ".join(f"V{number} {factor}" for number, factor in enumerate(record.get("real_time_factors", [])))
        lines.append(f"real-time factor: {factors}; seconds: {stages}")
        if record["variety"]:
            lines.append("rank correlation of {clips} clips: pitch {pitch}, pace {pace}".format(**record["variety"]))
        for title, peaks in (("", record["peak_megabytes"]), (" of the worker", record["worker_megabytes"])):
            lines.append(f"peak MB{title}: " + ", ".join(f"{name} {peak}" for name, peak in peaks.items()))
    groups: dict[str, list[dict[str, float]]] = {}
    for record in records:
        means = spread([row for name, row in record["rows"].items() if name.startswith("V")])
        group = groups.setdefault(f"{record['name'].rpartition('-seed')[0]} ({record['commit']})", [])
        group.append({column: mean for column, (mean, _) in means.items()})
    for name, rows in groups.items():
        if len(rows) > 1:
            figures = ", ".join(f"{COLUMNS[c]} {mean:.3f} ± {sd:.3f}" for c, (mean, sd) in spread(rows).items())
            lines.append(f"\n{name}, {len(rows)} seeds: {figures}")
    return "\n".join(lines)
