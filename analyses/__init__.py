"""The questions a psychometrician asks, end to end: an instrument and answers in, a report out.

Each question is a module with `run(instrument, survey, …) -> Section`; `report.validate` asks all
of them. Choices are made here, numbers in `measure`, and what was asked stands in `instruments`.
"""
