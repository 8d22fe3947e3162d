"""A store in a bucket: files first and the register last, which is replaced only by who has seen the latest.

So it needs a bucket that heeds If-Match and If-None-Match on writes.
"""

import random
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from app import request_context
from app.errors import Conflict, Damaged, Unavailable
from app.logging import log
from app.store.backend import Register
from app.store.bucket_folder import BucketFolder
from app.store.bucket_models import BucketModels
from app.store.bucket_register import BucketRegister, Upload
from app.store.cache import VersionCache
from app.store.durable_files import replace
from app.store.objects import IF_ABSENT, Objects
from app.store.s3_connection import PreconditionFailed
from app.store.shared_folder import SharedFolder
from app.store.staging import Staging
from app.store.version import CARD, Card, verify

PROBE = ".fitserve.json"
SEED_LOCK = ".turn"
SEED_LOCK_SECONDS = 60.0  # after which who has the turn to fill the store counts as dead
DEAD_SECONDS = 3600.0  # after which what an unknown owner has begun counts as abandoned


class BucketBackend:
    """Versions lie at `<prefix>/<model>/<version>/`; `local` is the folder of what this machine has of them."""

    def __init__(self, objects: Objects, local: Path, max_cache_bytes: int) -> None:
        self._objects = objects
        self._models = BucketModels(objects)
        self._local = local
        self._staging = Staging(local)
        self._cache = VersionCache(local, self._staging, max_cache_bytes)

    def __str__(self) -> str:
        return str(self._objects.bucket)

    def open(self) -> None:
        """See, once in a store's life, whether its bucket heeds conditions; raises Unavailable if not, or not now."""
        if self._objects.get(PROBE):
            return
        self._rejects_write(IF_ABSENT)
        if not (self._rejects_write(IF_ABSENT) and self._rejects_write(f'"{uuid.uuid4().hex}"')):
            self._objects.remove([PROBE])
            raise Unavailable(
                f"the bucket of {self} ignores If-Match or If-None-Match when it is written to, "
                "so that two processes could undo each other's changes"
            )

    # ---- reading

    def models(self) -> list[str]:
        """The models that have a version."""
        return [model for model in self._models.names() if self._models.snapshot(model).cards]

    def numbers(self, model: str) -> list[int]:
        """The numbers of a model's versions, sound or not."""
        return sorted(self._models.snapshot(model).cards)

    def read(self, model: str, version: int) -> Card:
        """The card as it was seen last; raises Damaged."""
        card = self._models.last_snapshot(model).cards.get(version)
        if isinstance(card, Card):
            return card
        raise Damaged(str(card or f"{version} is not there any more"))

    def folder(self, card: Card) -> Path:
        """Where the version is in the cache, fetched and checked if it was not there."""
        return self._cache.find(card) or self._cache.take(self._fetched(card), card)

    def verified_path(self, card: Card) -> Path:
        """The same, every byte just compared with the card; what was altered in the cache is fetched anew."""
        folder = self._cache.find(card)
        try:
            if folder:
                verify(folder, card)
                return folder
        except Damaged as fault:
            log.warning("to be fetched again: %s", fault)
            self._cache.drop(card.model, card.version)
        return self._cache.take(self._fetched(card), card)

    def verify(self, card: Card) -> None:
        """Fetch every byte and compare it; nothing of it is kept."""
        shutil.rmtree(self._fetched(card), ignore_errors=True)

    def register(self, model: str) -> Register:
        """The register as it is now."""
        register = self._models.snapshot(model).register
        return register.register if register else Register(None, None)

    # ---- writing

    def change(self, model: str, edit: Callable[[Register], Register]) -> Register:
        """Replace the register by what `edit` makes of the latest."""

        def changed(register: BucketRegister) -> BucketRegister:
            new = register.changed(edit(register.register))
            request_context.commit()
            return new

        return self._models.rewrite(model, changed).register

    def quarantine(self, model: str) -> None:
        """Copy the register, and begin a new one."""
        self._models.quarantine(model)

    def stage(self, owner: str) -> Path:
        """A new folder on this machine."""
        return self._staging.make(owner)

    def publish(self, staged: Path, model: str, card: Callable[[int], Card], check: Callable[[Card], None]) -> Card:
        """Take a number, upload the files, the card last, and show the version; the folder goes into the cache."""
        number = self._begin(model, owner=staged.name.rpartition("-")[0])
        made = card(number)
        check(made)  # before it is uploaded, and again when it is to be seen
        replace(staged / CARD, made.model_dump_json(indent=1).encode())
        files = [path for path in staged.rglob("*") if path.is_file() and path != staged / CARD]
        self._objects.upload({f"{model}/{number}/{path.relative_to(staged).as_posix()}": path for path in files})
        self._objects.upload({f"{model}/{number}/{CARD}": staged / CARD})
        self._show(made, check)
        self._cache.take(staged, made)
        return made

    def remove(self, model: str, version: int, check: Callable[[Register], None]) -> None:
        """Hide the version, then remove its objects; a sweep finishes what a kill prevents."""

        def hidden(register: BucketRegister) -> BucketRegister:
            if version in register.deletions:  # by another, or by a try of ours whose answer was lost
                return register
            check(register.register)
            request_context.commit()
            return register.hiding(version)

        self._models.rewrite(model, hidden)
        self._erase(model, version)
        self._cache.drop(model, version)

    def remove_all(self, model: str) -> None:
        """Hide every version and forget the register in one change, then remove the objects."""
        gone: set[int] = set()

        def hidden(register: BucketRegister) -> BucketRegister:
            numbers = self._models.snapshot(model).cards
            gone.update(numbers)
            request_context.commit()
            return register.hiding(*numbers).changed(Register())

        self._models.rewrite(model, hidden)
        for version in gone:
            self._erase(model, version)
            self._cache.drop(model, version)

    def discard(self, owner: str) -> None:
        """Remove what `owner` staged here, and began to upload from anywhere."""
        self._staging.discard(owner)
        self._abandon(lambda upload: upload.owner == owner)

    def sweep(self, owners: Collection[str]) -> None:
        """Remove what others began an hour ago or earlier, and finish what was being deleted.

        Services whose journals do not know each other's jobs may work on one bucket.
        """
        self._staging.sweep(owners, DEAD_SECONDS)
        now = time.time()
        self._abandon(lambda upload: upload.owner not in owners and abs(now - upload.since) > DEAD_SECONDS)
        for model in self._models.names():
            for number in self._models.leftovers(model):
                self._erase(model, number)

    @contextmanager
    def seed_lock(self) -> Iterator[None]:
        """Hold an object that only one can make; who has held the same one for a minute counts as dead."""
        seen, since = None, time.monotonic()
        while True:
            try:
                if_match = seen if seen and time.monotonic() - since > SEED_LOCK_SECONDS else IF_ABSENT
                self._objects.put(SEED_LOCK, uuid.uuid4().hex.encode(), if_match)
                break
            except PreconditionFailed:
                found = self._objects.get(SEED_LOCK)
                tag = found.tag if found else None
                if tag != seen:
                    seen, since = tag, time.monotonic()
                time.sleep(random.uniform(0.1, 0.3))
        try:
            yield
        finally:
            self._objects.remove([SEED_LOCK])

    def shared(self, name: str) -> SharedFolder:
        """A folder in the bucket, and on this machine what was written or looked for here."""
        return BucketFolder(self._objects, name, self._local / name)

    def shared_names(self, name: str) -> list[str]:
        """What there is a folder for, in the bucket or on this machine."""
        here = {path.name for path in (self._local / name).glob("*") if path.is_dir()}
        return sorted(here.union(self._objects.folders(name)))

    # ---- inside

    def _rejects_write(self, if_match: str) -> bool:
        """Whether the bucket refuses to write over what does not have this tag."""
        try:
            self._objects.put(PROBE, b'{"format": 1}', if_match)
        except PreconditionFailed:
            return True
        return False

    def _begin(self, model: str, owner: str) -> int:
        """A number that no version has had, for an upload that nobody sees."""
        upload = Upload(owner=owner, since=time.time())
        highest = self._models.highest(model)  # copied here by somebody who left no register

        def begun(register: BucketRegister) -> BucketRegister:
            return register.beginning(1 + max(register.last, highest), upload)

        return self._models.rewrite(model, begun).last

    def _show(self, card: Card, check: Callable[[Card], None]) -> None:
        model, number = card.model, card.version

        def shown(register: BucketRegister) -> BucketRegister:
            check(card)  # with what is there now: who publishes meanwhile changes the register, and it is asked again
            if number in register.abandoned:
                raise Conflict(f"version {number} of {model} took too long to publish and was treated as abandoned")
            request_context.commit()
            return register.published(number)

        self._models.rewrite(model, shown)

    def _abandon(self, dead: Callable[[Upload], bool]) -> None:
        """Remove the uploads that are `dead`."""
        for model in self._models.names():
            register = self._models.snapshot(model).register
            for number, upload in register.uploads.items() if register else ():
                if dead(upload):
                    self._models.rewrite(model, lambda latest, number=number: latest.abandoning(number))  # type: ignore[misc]
                    self._erase(model, number)

    def _erase(self, model: str, number: int) -> None:
        """Remove the objects of a version that is hidden already, the card first, and remember that it is done."""
        home = f"{model}/{number}"
        keys = sorted(self._objects.listing(home), key=lambda key: key != CARD)
        self._objects.remove([f"{home}/{key}" for key in keys])
        self._models.rewrite(model, lambda register: register.removed(number))

    def _fetched(self, card: Card) -> Path:
        """A staged folder with all that the bucket has of a version, every byte compared; raises Damaged."""
        home = f"{card.model}/{card.version}"
        staged = self._staging.make("fetched")
        try:
            there = self._objects.listing(home)
            files = {f"{home}/{name}": staged / name for name in (CARD, *card.files) if name in there and _inside(name)}
            self._objects.download(files)
            verify(staged, card)
        except FileNotFoundError:
            shutil.rmtree(staged, ignore_errors=True)
            raise Damaged(f"version {card.version} of {card.model} was deleted while it was fetched") from None
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        return staged


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
