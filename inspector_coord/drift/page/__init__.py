"""The drift report as one self-contained HTML page: charts, map, timelines, folded groups, and a table behind each."""
