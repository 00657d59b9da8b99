"""The sections of a report: a module for each, and a template of the same name in ``templates/``.

A section is a function from figures to a `Section`. To add one, write it here, show its values in a template,
and name it in `cryoglean.report.run_report`.
"""
