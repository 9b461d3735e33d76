"""The hub neither reads nor writes files in its home that another user could have created or can change."""

from __future__ import annotations

import os
import stat

import pytest

from extrato.own_files import ForeignFile, check_own, open_own, read_own, write_own

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@pytest.fixture
def victim(tmp_path):
    file = tmp_path / "elsewhere" / "victim"
    file.parent.mkdir()
    file.write_text("untouched")
    file.chmod(0o600)
    return file


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, APPEND])
def test_link_is_not_followed(home, victim, flags):
    link = home / "gateway.log"
    link.symlink_to(victim)
    with pytest.raises(ForeignFile, match=f"{link} is a link"):
        open_own(link, flags)
    with pytest.raises(ForeignFile, match="is a link"):
        check_own(link)
    assert victim.read_text() == "untouched"


def test_dangling_link_creates_no_file(home, tmp_path):
    link = home / "gateway.log"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(ForeignFile, match="is a link"):
        open_own(link, APPEND)
    assert not (tmp_path / "nothing").exists()


def test_link_in_place_of_a_folder_is_refused(home, victim):
    (home / "logs").symlink_to(victim.parent)
    with pytest.raises(ForeignFile, match="is a link"):
        check_own(home / "logs")


def test_file_with_two_names_is_read_but_not_written(home, victim):
    name = home / "gateway.log"
    name.hardlink_to(victim)
    with pytest.raises(ForeignFile, match="has a second name"):
        open_own(name, APPEND)
    assert read_own(name) == b"untouched"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_file_that_others_may_write_is_refused(home, mode):
    file = home / "secret.key"
    file.write_text("key")
    file.chmod(mode)
    with pytest.raises(ForeignFile, match=f"Other users can write to {file}: .*`chmod go-w {file}`"):
        read_own(file)
    file.chmod(0o644)
    assert read_own(file) == b"key"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_folder_that_others_may_write_is_refused_even_if_sticky(home, mode):
    home.chmod(mode)
    with pytest.raises(ForeignFile, match="Other users can write to"):
        check_own(home)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_file_of_another_user_is_refused(home):
    file = home / "demo-api-key"
    file.write_text("key")
    os.chown(file, 65534, 65534)
    with pytest.raises(ForeignFile, match=f"{file} belongs to user nobody"):
        read_own(file)
    with pytest.raises(ForeignFile, match="belongs to user nobody"):
        check_own(file)
    assert check_own(file, owners={65534})


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_user_without_a_name_appears_by_number(home):
    os.chown(home, 54321, 54321)
    with pytest.raises(ForeignFile, match="belongs to user 54321"):
        check_own(home)


def test_pipe_or_folder_in_place_of_a_file_is_refused_at_once(home):
    os.mkfifo(home / "pipe", mode=0o600)
    (home / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        for flags in (os.O_RDONLY, os.O_WRONLY):
            with pytest.raises(ForeignFile, match="is not a regular file"):
                open_own(home / name, flags)


def test_file_is_created_for_its_owner_only_and_appended_to(home):
    for text in (b"one\n", b"two\n"):
        descriptor = open_own(home / "log", APPEND)
        assert os.get_blocking(descriptor)
        os.write(descriptor, text)
        os.close(descriptor)
    assert read_own(home / "log") == b"one\ntwo\n"
    assert stat.S_IMODE((home / "log").stat().st_mode) == 0o600


def test_file_replaces_an_existing_one(home, victim):
    link = home / "addresses.json"
    link.symlink_to(victim)
    # A link at the path of the draft is not followed either.
    (home / f".addresses.json.{os.getpid()}").symlink_to(victim)
    write_own(link, b"ours")
    assert (link.read_bytes(), link.is_symlink()) == (b"ours", False)
    assert victim.read_text() == "untouched"
    write_own(link, b"for PostgreSQL", mode=0o644)
    assert stat.S_IMODE(link.stat().st_mode) == 0o644
    assert [path.name for path in home.iterdir()] == ["addresses.json"]


def test_missing_file_is_not_foreign(home):
    assert not check_own(home / "nothing")
    assert check_own(home)
    with pytest.raises(FileNotFoundError):
        read_own(home / "nothing")
