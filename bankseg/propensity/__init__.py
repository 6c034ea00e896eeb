"""The propensity room: targets, datasets in time, booster, calibration, metrics, reasons, artefacts."""
