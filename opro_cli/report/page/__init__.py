"""The report as one HTML page that needs no network: see :mod:`opro_cli.report.page.document`."""
