"""config.yaml and the environment → frozen settings. Only `load` reads disk; a bad file gives ConfigError with every place."""

from bridge.config.connections import OAuthSettings, Own, SourceSettings, TargetSettings
from bridge.config.files import FileRule
from bridge.config.hours import Hours
from bridge.config.load import load
from bridge.config.ops import AlertSettings, OpsSettings
from bridge.config.routes import OwnerRule, Route, RouteOptions, choose
from bridge.config.settings import ReceiveSettings, Retention, RetrySettings, Settings, WorkerSettings
from bridge.config.sites import Site, of_site, site_of
from bridge.config.values import Revealed

__all__ = [
    "AlertSettings",
    "FileRule",
    "Hours",
    "OAuthSettings",
    "OpsSettings",
    "Own",
    "OwnerRule",
    "ReceiveSettings",
    "Retention",
    "RetrySettings",
    "Revealed",
    "Route",
    "RouteOptions",
    "Settings",
    "Site",
    "SourceSettings",
    "TargetSettings",
    "WorkerSettings",
    "choose",
    "load",
    "of_site",
    "site_of",
]
