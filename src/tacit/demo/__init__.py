"""The demo: four hospitals, 569 real patients, nine steps, every party a process of its own on this machine."""

from tacit.demo.walk import DemoReport, Step, run_demo, set_aside

__all__ = ["DemoReport", "Step", "run_demo", "set_aside"]
