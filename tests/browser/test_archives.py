"""Downloads of many results as one zip file, and the folders of the images."""

import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect
from support.browser_page import Visit, in_both_browsers, read_image

#: A picker of files that needs no window: it writes into the private files of the page.
PICKER = """window.showSaveFilePicker = async ({suggestedName}) => {
  const folder = await navigator.storage.getDirectory();
  return folder.getFileHandle(suggestedName, {create: true});
};"""
CANCELING_PICKER = """window.showSaveFilePicker = async () => {
  window.asked = (window.asked ?? 0) + 1;
  throw new DOMException('canceled', 'AbortError');
};"""
#: Keeps the texts of the notes, which are shown for some seconds.
RECORD_NOTES = """window.shownNotes = [];
addEventListener('DOMContentLoaded', () => {
  const notes = document.querySelector('#notes');
  const record = () => window.shownNotes.push(notes.textContent);
  new MutationObserver(record).observe(notes, {childList: true, subtree: true});
});"""
WAS_SAVED = "() => window.shownNotes.some((each) => each.includes('Saved 3 images in a zip file'))"
READ_FILE = """async () => {
  const folder = await navigator.storage.getDirectory();
  const file = await (await folder.getFileHandle('safelight.zip')).getFile();
  return [...new Uint8Array(await file.arrayBuffer())];
}"""
COUNT_URLS = """for (const name of ['createObjectURL', 'revokeObjectURL']) {
  const original = URL[name].bind(URL);
  window[name] = new Set();
  URL[name] = (value) => {
    const result = original(value);
    window[name].add(name === 'createObjectURL' ? result : value);
    return result;
  };
}"""
LIST_LEFT = "() => [...window.createObjectURL].filter((each) => !window.revokeObjectURL.has(each))"
#: Both images of the light table, and those of the film strip. The page itself then requests no more results.
ALL_LOADED = """() => document.querySelectorAll('.pane-before img, .pane-after img').length === 2
  && document.images.length >= 5 && [...document.images].every((each) => each.complete && each.naturalWidth > 0)"""
NAMES = ["trip/beach/1.webp", "trip/city/1.webp", "trip/city/2.webp"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with images in two subfolders."""
    for name in NAMES:
        path = (tmp_path / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(read_image("clock-small.png"))
    return tmp_path / "trip"


def process_folder(visit: Visit, folder: Path) -> None:
    """Add a folder, process it, and reload the page when all images are processed."""
    visit.open()
    if visit.is_chromium():
        visit.page.set_input_files("#folder-picker", folder)
    else:  # Playwright cannot choose a folder in Firefox
        visit.drop_folder(folder)
    expect(visit.page.locator(".frame")).to_have_count(3)
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text("3 of 3 processed")
    visit.page.reload()
    expect(visit.page.locator(".summary-count")).to_have_text("3 of 3 processed")


@in_both_browsers
def test_zip_file_is_written_while_the_results_arrive(visit: Visit, folder: Path, tmp_path: Path) -> None:
    """Into the file that the user chooses. It has the folders, also after a reload. Canceling writes nothing."""
    visit.page.add_init_script(PICKER)
    visit.page.add_init_script(RECORD_NOTES)
    process_folder(visit, folder)
    button = visit.page.get_by_role("button", name="Download 3 results (zip)")
    button.click()
    visit.page.wait_for_function(WAS_SAVED)
    expect(button).to_have_attribute("aria-disabled", "false")
    path = tmp_path / "saved.zip"
    path.write_bytes(bytes(visit.page.evaluate(READ_FILE)))
    with ZipFile(path) as archive:
        assert sorted(archive.namelist()) == NAMES
        assert archive.testzip() is None


@pytest.mark.thorough
def test_nothing_is_saved_if_the_user_cancels(visit: Visit, folder: Path) -> None:
    """The button can be used again."""
    visit.page.add_init_script(CANCELING_PICKER)
    process_folder(visit, folder)
    visit.page.wait_for_function(ALL_LOADED)
    button = visit.page.get_by_role("button", name="Download 3 results (zip)")
    requested: list[str] = []
    visit.page.on("request", lambda request: requested.append(request.url))
    for turn in (1, 2):
        button.click()
        visit.page.wait_for_function("(turn) => window.asked === turn", arg=turn)
        visit.wait_until_drawn()
        expect(button).to_have_attribute("aria-disabled", "false")
    assert [each for each in requested if "/outputs/" in each] == []


@pytest.mark.thorough
@in_both_browsers
def test_object_urls_are_revoked(visit: Visit, folder: Path) -> None:
    """Those of images when another page is shown, and that of the zip file after a minute."""
    visit.page.add_init_script(COUNT_URLS)
    visit.control_clock()
    process_folder(visit, folder)
    visit.page.set_input_files("#file-picker", folder / "city" / "1.png")
    expect(visit.page.locator(".pane-before img")).to_be_visible()
    _, saved = visit.save(visit.page.get_by_role("button", name="Download 3 results (zip)"))
    with ZipFile(io.BytesIO(saved)) as archive:
        assert sorted(archive.namelist()) == NAMES
    assert visit.page.evaluate("() => window.createObjectURL.size") >= 2
    visit.go_to("#/history", "History")
    visit.page.clock.run_for(61_000)
    visit.page.wait_for_function(f"() => ({LIST_LEFT})().length === 0")
