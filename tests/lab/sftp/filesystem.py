# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SFTP channel: what each SFTP operation means for objects in S3.

Where the user guide of AWS Transfer Family is silent, the status codes are those its users report: SETSTAT and
unusual open modes are SSH_FX_OP_UNSUPPORTED, with the texts below.
"""

from __future__ import annotations

import contextlib
import stat as stat_module
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime
from datetime import timezone
from typing import TYPE_CHECKING
from typing import NoReturn

import asyncssh
from asyncssh import SFTPAttrs
from asyncssh import SFTPName

from lab.sftp.download import Download
from lab.sftp.homes import Location
from lab.sftp.homes import PathError
from lab.sftp.store import Entry
from lab.sftp.store import ObjectUpload
from lab.sftp.store import Reason
from lab.sftp.store import StoreError
from lab.sftp.upload import Upload
from lab.sftp.upload import UploadError
from lab.sftp.workflows import File
from lab.sftp.workflows import Uploader

if TYPE_CHECKING:
    from lab.sftp.session import Session

# Transfer Family shows every S3 object as -rwxr--r-- with "-" for owner and group.
_PERMISSIONS = 0o744
_MODES = {
    "APPEND": asyncssh.FXF_APPEND,
    "CREATE": asyncssh.FXF_CREAT,
    "EXCLUSIVE": asyncssh.FXF_EXCL,
    "READ": asyncssh.FXF_READ,
    "TRUNCATE": asyncssh.FXF_TRUNC,
    "WRITE": asyncssh.FXF_WRITE,
}
_ERRORS: dict[Reason, Callable[[str], asyncssh.SFTPError]] = {
    Reason.NO_SUCH_FILE: asyncssh.SFTPNoSuchFile,
    Reason.PERMISSION_DENIED: asyncssh.SFTPPermissionDenied,
    Reason.FAILURE: asyncssh.SFTPFailure,
}


class OpenUpload:
    """A file open for writing."""

    def __init__(self, location: Location, upload: Upload) -> None:
        self.location = location
        self.upload = upload


class OpenDownload:
    """A file open for reading."""

    def __init__(self, location: Location, download: Download, attrs: SFTPAttrs) -> None:
        self.location = location
        self.download = download
        self.attrs = attrs


class FileSystem(asyncssh.SFTPServer):
    """The files of one logged-in user."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], session: Session) -> None:
        super().__init__(chan)
        self._session = session
        self._home = session.home
        self._store = session.services.store
        # Set when the channel ends: a file that is closed after that was not closed by the client.
        self.lost = False

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        mode = "|".join(name for name, flag in _MODES.items() if pflags & flag)
        with self._answer("OPEN", path):
            name, location = self._file(path)
            handle: OpenUpload | OpenDownload
            if not pflags & asyncssh.FXF_WRITE:
                handle = await self._open_download(location)
            elif pflags & (asyncssh.FXF_READ | asyncssh.FXF_APPEND):
                raise asyncssh.SFTPOpUnsupported(f"Cannot open file in mode: {mode}")
            else:
                handle = await self._open_upload(name, location, pflags)
        self._session.log("OPEN", path=str(location), mode=mode)
        return handle

    async def _open_download(self, location: Location) -> OpenDownload:
        info = await self._store.head(location)
        download = Download(info.size, lambda begin, end: self._store.fetch(location, info, begin, end))
        return OpenDownload(location, download, _attrs(Entry("", info.size, info.modified)))

    async def _open_upload(self, name: str, location: Location, pflags: int) -> OpenUpload:
        if not pflags & asyncssh.FXF_CREAT:
            await self._store.head(location)
        elif pflags & asyncssh.FXF_EXCL and await self._store.exists(location):
            raise asyncssh.SFTPFailure(f"{name} exists")
        # The user guide, "Post upload processing": the uploader stands in the object's metadata.
        metadata = {
            "user-agent": "AWSTransfer",
            "user-agent-id": f"{self._session.user_name}@{self._session.server.id}",
        }
        return OpenUpload(location, Upload(ObjectUpload(self._store, location, metadata)))

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if not isinstance(file_obj, OpenDownload):
            raise asyncssh.SFTPPermissionDenied("the file is open for writing")
        with self._answer("READ", file_obj.location):
            return await file_obj.download.read(offset, size)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if not isinstance(file_obj, OpenUpload):
            raise asyncssh.SFTPPermissionDenied("the file is open for reading")
        with self._answer("WRITE", file_obj.location):
            await file_obj.upload.write(offset, data)
        return len(data)

    async def close(self, file_obj: object) -> None:
        if isinstance(file_obj, OpenDownload):
            file_obj.download.close()
            self._session.log("CLOSE", path=str(file_obj.location), **{"bytes-out": str(file_obj.download.bytes_out)})
        elif isinstance(file_obj, OpenUpload):
            if self.lost:
                # An error has nobody left to go to but the log, and must not keep other files from being closed.
                with contextlib.suppress(asyncssh.SFTPError):
                    await self._close_upload(file_obj, "PARTIAL_CLOSE", "OnPartialUpload")
            else:
                await self._close_upload(file_obj, "CLOSE", "OnUpload")

    async def _close_upload(self, handle: OpenUpload, activity: str, workflow: str) -> None:
        uploaded = datetime.now(timezone.utc)
        with self._answer("CLOSE", handle.location):
            stored = await (handle.upload.truncate() if self.lost else handle.upload.finish())
        self._session.log(activity, path=str(handle.location), **{"bytes-in": str(handle.upload.size)})
        # "Workflows are not initiated for files that have a size of 0" (workflow restrictions and limitations).
        if handle.upload.size:
            uploader = Uploader(self._session.server.id, self._session.user_name, self._session.id, uploaded)
            file = File(handle.location.bucket, handle.location.key, stored.etag, stored.version_id)
            self._session.start_workflow(workflow, uploader, file)

    async def stat(self, path: bytes) -> SFTPAttrs:
        with self._answer("STAT", path, quiet=True):
            name, location = self._locate(path)
            if location is None or self._home.is_fixed(name):
                return _attrs(Entry("", is_directory=True))
            return _attrs(await self._entry(location))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> SFTPAttrs:
        if isinstance(file_obj, OpenUpload):
            return _attrs(Entry("", file_obj.upload.size))
        assert isinstance(file_obj, OpenDownload)
        return file_obj.attrs

    async def _entry(self, location: Location) -> Entry:
        """The file or directory at a location; NO_SUCH_FILE if there is neither."""
        if location.key:
            try:
                info = await self._store.head(location)
                return Entry("", info.size, info.modified)
            except StoreError as error:
                if error.reason is not Reason.NO_SUCH_FILE:
                    raise
        if not await self._store.below(location, 1) and location.key:
            raise StoreError(Reason.NO_SUCH_FILE, "No such file or directory")
        return Entry("", is_directory=True)

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        with self._answer("LIST", path, quiet=True):
            name, location = self._locate(path)
            fixed = self._home.children(name)
            if location is not None and not self._home.is_fixed(name) and not await self._store.below(location, 1):
                raise StoreError(Reason.NO_SUCH_FILE, "No such file or directory")
            for dots in (b".", b".."):
                yield SFTPName(dots, attrs=_attrs(Entry("", is_directory=True)))
            for child, target in fixed.items():
                with contextlib.suppress(StoreError):
                    entry = Entry("", is_directory=True) if target is None else await self._entry(target)
                    yield SFTPName(child.encode(), attrs=_attrs(entry))
            if location is not None:
                async for entry in self._store.entries(location):
                    # Keys such as "a//b" or "a/../b" have names that no SFTP path can express.
                    if entry.name not in ("", ".", "..") and entry.name not in fixed:
                        yield SFTPName(entry.name.encode(), attrs=_attrs(entry))

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        with self._answer("MKDIR", path):
            name, location = self._changeable(path)
            if await self._store.exists(location) or await self._store.below(location, 1):
                raise asyncssh.SFTPFailure(f"{name} exists")
            await self._store.call("put_object", Bucket=location.bucket, Key=location.prefix, Body=b"")
        self._session.log("MKDIR", path=str(location))

    async def rmdir(self, path: bytes) -> None:
        with self._answer("RMDIR", path):
            name, location = self._changeable(path)
            keys = await self._store.below(location, 2)
            if not keys:
                raise StoreError(Reason.NO_SUCH_FILE, "No such file or directory")
            if keys != [location.prefix]:
                raise asyncssh.SFTPFailure(f"{name} is not empty")
            await self._store.call("delete_object", Bucket=location.bucket, Key=location.prefix)
        self._session.log("RMDIR", path=str(location))

    async def remove(self, path: bytes) -> None:
        with self._answer("DELETE", path):
            name, location = self._changeable(path)
            if (await self._entry(location)).is_directory:
                raise asyncssh.SFTPFailure(f"{name} is a directory")
            await self._store.call("delete_object", Bucket=location.bucket, Key=location.key)
        self._session.log("DELETE", path=str(location))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Copy and delete. The service's FAQ: neither directories nor onto an existing name."""
        with self._answer("RENAME", oldpath):
            name, source = self._changeable(oldpath)
            new_name, target = self._changeable(newpath)
            if (await self._entry(source)).is_directory:
                raise asyncssh.SFTPOpUnsupported(f"{name} is a directory: Amazon S3 has no rename for directories")
            if await self._store.exists(target) or await self._store.below(target, 1):
                raise asyncssh.SFTPFailure(f"{new_name} exists")
            await self._store.call(
                "copy_object",
                Bucket=target.bucket,
                Key=target.key,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                IfNoneMatch="*",
            )
            await self._store.call("delete_object", Bucket=source.bucket, Key=source.key)
        self._session.log("RENAME", path=str(source), **{"new-path": str(target)})

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self.rename(oldpath, newpath)

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        with self._answer("SETSTAT", path):
            self._set_attributes("SETSTAT", self._locate(path)[1])

    async def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        await self.setstat(path, attrs)

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        assert isinstance(file_obj, OpenUpload | OpenDownload)
        with self._answer("SETSTAT", file_obj.location):
            self._set_attributes("FSETSTAT", file_obj.location)

    def _set_attributes(self, operation: str, location: Location | None) -> None:
        if self._session.server.set_stat_option != "ENABLE_NO_OP":
            raise asyncssh.SFTPOpUnsupported(f"{operation} unsupported")
        # "While ENABLE_NO_OP ignores the error, it does generate a log entry" (API reference, ProtocolDetails).
        self._session.log("SETSTAT", path=None if location is None else str(location))

    async def realpath(self, path: bytes) -> bytes:
        with self._answer("REALPATH", path, quiet=True):
            return self._home.canonical(_text(path)).encode()

    # asyncssh's own versions of these work on the local file system: none of them may be reached.

    def readlink(self, path: bytes) -> NoReturn:
        raise asyncssh.SFTPOpUnsupported("READLINK unsupported")

    def symlink(self, oldpath: bytes, newpath: bytes) -> NoReturn:
        raise asyncssh.SFTPOpUnsupported("SYMLINK unsupported")

    def link(self, oldpath: bytes, newpath: bytes) -> NoReturn:
        raise asyncssh.SFTPOpUnsupported("LINK unsupported")

    def format_user(self, uid: int | None) -> str:
        return "-"

    def format_group(self, gid: int | None) -> str:
        return "-"

    def _locate(self, path: bytes) -> tuple[str, Location | None]:
        name = self._home.canonical(_text(path))
        return name, self._home.locate(name)

    def _file(self, path: bytes) -> tuple[str, Location]:
        name, location = self._locate(path)
        if location is None or not location.key or self._home.is_fixed(name):
            raise asyncssh.SFTPFailure(f"{name} is a directory")
        return name, location

    def _changeable(self, path: bytes) -> tuple[str, Location]:
        name, location = self._locate(path)
        if location is None or not location.key or self._home.is_fixed(name):
            raise asyncssh.SFTPPermissionDenied(f"{name} belongs to the home directory's mapping")
        return name, location

    @contextlib.contextmanager
    def _answer(self, operation: str, where: bytes | Location, quiet: bool = False) -> Iterator[None]:
        """Errors as the client gets them; each goes to the log unless it is an everyday answer (a file not there)."""
        try:
            yield
        except PathError as error:
            answer: asyncssh.SFTPError = asyncssh.SFTPNoSuchFile(str(error))
        except StoreError as error:
            answer = _ERRORS[error.reason](str(error))
        except UploadError as error:
            answer = asyncssh.SFTPFailure(str(error))
        except asyncssh.SFTPError as error:
            answer = error
        else:
            return
        if not (quiet and isinstance(answer, asyncssh.SFTPNoSuchFile)):
            path = where.decode(errors="replace") if isinstance(where, bytes) else str(where)
            self._session.log("ERROR", operation=operation, path=path, message=answer.reason)
        raise answer


def _text(path: bytes) -> str:
    try:
        return path.decode()
    except UnicodeDecodeError as error:
        # "Amazon S3 ... require filenames to be in UTF-8 encoding" (user guide, transferring files).
        raise PathError("file names must be in UTF-8") from error


def _attrs(entry: Entry) -> SFTPAttrs:
    kind = stat_module.S_IFDIR if entry.is_directory else stat_module.S_IFREG
    changed = int(entry.modified.timestamp() if entry.modified else time.time())
    return SFTPAttrs(size=entry.size, permissions=kind | _PERMISSIONS, atime=changed, mtime=changed)
