"""Which of a service's three slots gets which version, which size and which users: pure, without memory.

A slot is a Deployment of a fixed name, with a Service of its own. People know the stable one by the
service's name: a version comes to it last, and by the Deployment's own rolling update. What is on trial, or
has to be there fast, goes to the canary's; what is kept warm to the previous one's.

What holds at every step, whatever is asked for in between:

1. Users of a version go to the slot that has most ready of it and nothing else; where nobody is ready they
   stay where they are.
2. A slot that has users, or had some within the drain time, is neither made smaller nor given another
   version; but the stable one in place, where nothing stands beside it.
3. A version that is wanted leaves a slot only once it is whole in one that suits it better; what is kept
   warm makes room in the stable one once as much of it is ready elsewhere as anywhere.
4. A slot is changed once its controller has read the last change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.releases import ServiceKind
from carelane.delivery.targets import ServiceTarget
from carelane.delivery.users import shared


class Slot(StrEnum):
    """One of the places a version of a service may have."""

    STABLE = "stable"
    CANARY = "canary"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class PodSeen:
    """One Pod of a slot. It takes requests, as the cluster says: *up*; and has for a moment: *ready*.

    One that is *leaving* may be sent some for as long as not everybody knows: then it is *quiet*.
    """

    label: str
    up: bool = False
    ready: bool = False
    leaving: bool = False
    quiet: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class SlotSeen:
    """One slot as it is.

    *label* is the version of its template, None where there is no Deployment; *size* how many Pods it is to
    have. *settled*: its controller has read that. *weight* is its part of the traffic, *rested* whether it
    has had none for the drain time. *sized* says that somebody else, an autoscaler, owns the size.
    """

    label: str | None = None
    size: int = 0
    settled: bool = True
    pods: tuple[PodSeen, ...] = ()
    weight: int = 0
    rested: bool = True
    sized: bool = False
    paused: bool = False
    restarted_at: datetime | None = None

    def ready(self, label: str | None) -> int:
        """How many of *label* are ready."""
        return sum(pod.ready and not pod.leaving and pod.label == label for pod in self.pods)

    def up(self, label: str | None) -> int:
        """How many of *label* take requests by now."""
        return sum(pod.up and not pod.leaving and pod.label == label for pod in self.pods)

    def pure(self, label: str | None) -> bool:
        """Whether it has this version, who asks it gets no other, and something of it is ready."""
        return self.only(label) and self.ready(label) > 0

    def only(self, label: str | None) -> bool:
        """Whether it has this version, and who asks it gets no other: nobody, where nothing is ready."""
        others = [p for p in self.pods if p.label != label and not (p.leaving and p.quiet)]
        return self.label == label and not others

    def whole(self, label: str | None, size: int) -> bool:
        """Whether it is pure, and can carry what *size* Pods can."""
        return self.settled and self.pure(label) and self.ready(label) >= size

    @property
    def staying(self) -> list[PodSeen]:
        """Its Pods but for those that end."""
        return [pod for pod in self.pods if not pod.leaving]


Slots = Mapping[Slot, SlotSeen]
LASTING = (Slot.STABLE, Slot.CANARY, Slot.PREVIOUS)
"""The slots, the one first that suits what is to have the lasting place."""
RESTING = (Slot.PREVIOUS, Slot.CANARY, Slot.STABLE)
"""The same for what is kept warm."""
ON_TRIAL = (Slot.CANARY, Slot.PREVIOUS, Slot.STABLE)
"""The same for all else."""


@dataclass(frozen=True)
class Template:
    """Give *slot* the version of *label*; what was begun before *restarted_at* is renewed."""

    slot: Slot
    label: str
    restarted_at: datetime | None = None


@dataclass(frozen=True)
class Size:
    """Let *slot* have so many Pods."""

    slot: Slot
    size: int


@dataclass(frozen=True)
class Hold:
    """Let the replacement in *slot* stand still, or go on."""

    slot: Slot
    paused: bool


Write = Template | Size | Hold


def plan(wanted: ServiceTarget, slots: Slots) -> tuple[Write, ...]:
    """What is due now, one change a slot at most, to bring a service's *slots* to what is *wanted*."""
    if wanted.home is None or wanted.home not in wanted.versions:
        return tuple(Size(slot, 0) for slot, seen in slots.items() if seen.size and seen.settled)
    which = tuple(Slot) if wanted.versions[wanted.home].run.kind is ServiceKind.WEB else (Slot.STABLE,)
    return _Step(wanted, wanted.home, slots, weigh(wanted, slots)).writes(which)


def weigh(wanted: ServiceTarget, slots: Slots) -> Mapping[Slot, int] | None:
    """Each slot's part of the traffic; None where it stays as it is: nobody who is ready may have it.

    What is taken out leaves none, a worker has none.
    """
    if wanted.home is None or wanted.home not in wanted.versions:
        return {}
    if wanted.versions[wanted.home].run.kind is not ServiceKind.WEB:
        return None
    if wanted.shares is None:
        slot = _carrier(wanted, slots)
        return None if slot is None else {each: int(each is slot) for each in Slot}
    places = {label: _place(label, wanted, slots) for label in wanted.versions}
    fit = {label: slots[slot].ready(label) if slot else 0 for label, slot in places.items()}
    weights = dict.fromkeys(Slot, 0)
    for label, part in shared(wanted.shares, wanted.copies, fit).items():
        if (slot := places[label]) is not None:
            weights[slot] += part
    return weights if any(weights.values()) else None


def _carrier(wanted: ServiceTarget, slots: Slots) -> Slot | None:
    """Who has all users where nothing is to stand beside it: who is whole, else who has them by now."""
    size = Copies(Purpose.SERVE).of(wanted.size)
    whole = [slot for slot in Slot if slots[slot].whole(wanted.home, size)]
    carrying = [slot for slot in Slot if slots[slot].weight and any(p.ready for p in slots[slot].staying)]
    home = [slot for slot in Slot if slots[slot].ready(wanted.home)]
    serving = {label for label, copies in wanted.copies.items() if copies.serves}
    # What is only warm gets nobody by itself: users never come to a version that nobody chose.
    others = [s for s in Slot if any(pod.ready and pod.label in serving for pod in slots[s].staying)]
    return next(iter((*whole, *carrying, *home, *others)), None)


def _place(label: str, wanted: ServiceTarget, slots: Slots) -> Slot | None:
    """The slot whose users get *label*: who has most of it alone, else who has it among others."""
    pure = [slot for slot in Slot if slots[slot].pure(label)]
    some = pure or [slot for slot in Slot if slots[slot].ready(label)]
    enough = max(wanted.size, 1)
    return max(
        some,
        key=lambda slot: (min(slots[slot].ready(label), enough), slot is Slot.STABLE, slots[slot].weight),
        default=None,
    )


@dataclass(frozen=True)
class _Step:
    """One look at one service: what may be changed by it."""

    wanted: ServiceTarget
    home: str
    slots: Slots
    weights: Mapping[Slot, int] | None

    def writes(self, which: tuple[Slot, ...]) -> tuple[Write, ...]:
        """One change a slot at most."""
        found = (self._next(slot) for slot in which if self.slots[slot].settled)
        return tuple(write for write in found if write is not None)

    def _next(self, slot: Slot) -> Write | None:
        if slot is Slot.STABLE:
            return self._stable()
        if self._needed(slot):
            return self._grown(slot)
        if not self._free(slot):
            return None
        incoming = self._to_canary() if slot is Slot.CANARY else self._to_previous()
        if incoming is not None:
            return Template(slot, incoming)
        return Size(slot, 0) if self.slots[slot].size else None

    # -- the lasting place

    def _stable(self) -> Write | None:
        seen = self.slots[Slot.STABLE]
        if seen.paused is not (self.wanted.paused and seen.label == self.home):
            return Hold(Slot.STABLE, not seen.paused)
        if seen.label == self.home:
            return self._renewed(seen) or self._grown(Slot.STABLE)
        if seen.label is None or not seen.size or (not self._needed(Slot.STABLE) and self._may_change()):
            return Template(Slot.STABLE, self.home)
        return self._grown(Slot.STABLE)

    def _may_change(self) -> bool:
        """Whether the stable slot may get another version: in place, or because nobody has it."""
        if self.wanted.paused:
            return False
        return self._is_worker or self._free(Slot.STABLE) or self._in_place

    @property
    def _in_place(self) -> bool:
        """Whether the stable slot has the users, and keeps them while it is replaced."""
        weight = (self.weights or {}).get(Slot.STABLE, self.slots[Slot.STABLE].weight)
        return self.wanted.shares is None and weight > 0

    def _renewed(self, seen: SlotSeen) -> Template | None:
        asked_at = self.wanted.restarted_at
        if asked_at is None or seen.restarted_at == asked_at:
            return None
        old = [pod for pod in seen.staying if pod.since is None or pod.since < asked_at]
        return Template(Slot.STABLE, self.home, asked_at) if old else None

    # -- the other two

    def _to_canary(self) -> str | None:
        """A version that is to run and has no slot, or has to make room in the stable one."""
        placed = {seen.label for seen in self.slots.values()}
        for label, copies in self.wanted.copies.items():
            if copies.serves and copies.percent and label not in placed and not self._stable_takes(label):
                return label
        stable, previous = self.slots[Slot.STABLE], self.slots[Slot.PREVIOUS]
        if not self._is_warm(stable.label) or stable.label in {self.home, previous.label}:
            return None
        if not self._needed(Slot.STABLE):
            return None
        return stable.label if self._needed(Slot.PREVIOUS) or not self._free(Slot.PREVIOUS) else None

    def _stable_takes(self, label: str) -> bool:
        """Whether *label* comes to the lasting place at once, or as soon as others made room."""
        stable = self.slots[Slot.STABLE]
        here = stable.label is None or not stable.size or self._in_place or self._is_worker
        return label == self.home and (here or self._free(Slot.STABLE))

    def _to_previous(self) -> str | None:
        """What is kept warm, and runs where something else is to come."""
        for slot in (Slot.STABLE, Slot.CANARY):
            label = self.slots[slot].label
            there = self.slots[Slot.PREVIOUS].label == label
            if self._is_warm(label) and label != self.home and self.slots[slot].size and not there:
                return label
        return None

    # -- what holds of any slot

    @property
    def _is_worker(self) -> bool:
        return self.wanted.versions[self.home].run.kind is not ServiceKind.WEB

    def _is_warm(self, label: str | None) -> bool:
        """Whether it is what is kept warm: there is a place for one such version, the last that users had."""
        warm = [each for each, copies in self.wanted.copies.items() if copies.purpose is Purpose.WARM]
        if self.wanted.stable in warm and self.wanted.stable != self.home:
            warm = [self.wanted.stable]
        return label in warm

    def _free(self, slot: Slot) -> bool:
        """Whether *slot* has no users, and had none for the drain time."""
        seen = self.slots[slot]
        return not seen.weight and seen.rested and not (self.weights or {}).get(slot)

    def _needed(self, slot: Slot) -> bool:
        """Whether its version is wanted, and is whole in no slot that suits it better."""
        label = self.slots[slot].label
        copies = self.wanted.copies.get(label or "")
        if label is None or copies is None or self._is_worker:
            return False
        if not (copies.percent and copies.serves) and not self._is_warm(label):
            return False
        enough, up = self._size(copies), max(self.slots[each].up(label) for each in Slot)
        if copies.purpose is Purpose.WARM and slot is Slot.STABLE:
            enough = min(enough, up)  # of what is not ready anywhere nothing is lost when it makes room
        elif copies.purpose is Purpose.WARM and not (self.slots[slot].size or up):
            return False  # it is kept, and not started
        better = self._suits(label)[: self._suits(label).index(slot)]
        return bool(enough) and not any(self.slots[each].whole(label, enough) for each in better)

    def _suits(self, label: str) -> tuple[Slot, ...]:
        """The slots, the one that suits *label* best first."""
        if label == self.home:
            return LASTING
        return RESTING if self._is_warm(label) else ON_TRIAL

    def _size(self, copies: Copies) -> int:
        if copies.purpose is Purpose.WARM:
            return max(self.wanted.warm, self.wanted.size)
        return copies.of(self.wanted.size)

    def _grown(self, slot: Slot) -> Size | None:
        """As many as its version is to have; fewer only where nothing moves."""
        seen = self.slots[slot]
        copies = self.wanted.copies.get(seen.label or "")
        if (
            copies is None
            or (seen.sized and seen.size)
            or not (copies.percent or copies.purpose is Purpose.WARM)
        ):
            return None
        size = self._size(copies)
        if size > seen.size or (size < seen.size and not self.wanted.held and copies.serves):
            return Size(slot, size)
        return None
