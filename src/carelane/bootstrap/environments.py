"""What the server has of each environment, wherever that runs."""

from dataclasses import dataclass

from carelane.base.loops import Loop
from carelane.delivery.engine import Engine
from carelane.delivery.looking import Details, Logs, Rates
from carelane.delivery.ports import Host
from carelane.store.analyses import SqlAnalysisRepository
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.fleets import SqlFleets
from carelane.store.traffic import SqlTrafficStore


@dataclass(frozen=True)
class Stores:
    """What is recorded, by what it is of."""

    rollouts: SqlRolloutRepository
    fleets: SqlFleets
    analyses: SqlAnalysisRepository
    traffic: SqlTrafficStore


@dataclass(frozen=True)
class Environment:
    """One environment: *address* is where its users come in, *loops* is what is done for it all the time."""

    address: str
    engine: Engine
    logs: Logs
    details: Details
    rates: Rates
    host: Host
    loops: tuple[Loop, ...]
