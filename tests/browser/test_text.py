"""Texts, continued on the page."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.page_actions import section

FIRST_WORD_ONLY = r"""
const fetched = window.fetch;
window.fetch = async (address, wish) => {
  const answer = await fetched(address, wish);
  if (!String(address).endsWith("/generate")) return answer;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n\n")) text += (await reader.read()).value;
  const held = new ReadableStream({
    start(out) {
      out.enqueue(new TextEncoder().encode(text.slice(0, text.indexOf("\n\n") + 2)));
      wish.signal.addEventListener("abort", () => out.error(wish.signal.reason));
    },
  });
  return new Response(held, answer);
};
"""


def test_a_text_comes_word_by_word_and_tells_what_else_could_have_come(visit: Visit):
    page = visit.open("text")
    text = section(page, "text")
    expect(text.locator("[name=model] option")).to_have_text(["rnn", "lstm", "gru"])
    text.locator("[name=next_words]").fill("5")
    text.locator("[name=seed]").fill("3")
    text.get_by_role("button", name="Generate").click()
    expect(text.locator(".state")).to_have_text("Done. Use seed 3 to get the same text again.")
    assert 1 <= text.locator(".word").count() <= 5
    word = text.locator(".word").first
    word.click()
    expect(word).to_have_attribute("aria-pressed", "true")
    expect(text.locator(".others .bars li")).not_to_have_count(0)
    expect(text.locator(".others .chosen .label")).to_have_text(word.inner_text())


def test_a_text_stops_when_told(visit: Visit):
    visit.page.add_init_script(FIRST_WORD_ONLY)
    page = visit.open("text")
    text = section(page, "text")
    text.get_by_role("button", name="Generate").click()
    expect(text.locator(".word")).to_have_count(1)
    expect(text.locator(".state")).to_have_text("Generating …")
    text.get_by_role("button", name="Stop").click()
    expect(text.locator(".state")).to_have_text("Stopped.")
    expect(text.get_by_role("button", name="Generate")).to_be_visible()
    expect(text.locator(".error-notice")).to_be_hidden()


def test_an_english_beginning_for_a_korean_model_is_told_in_both_languages(visit: Visit):
    page = visit.open("text")
    text = section(page, "text")
    text.locator("[name=model]").select_option("gru")
    text.locator("[name=temperature]").fill("0")
    text.locator("[name=seed_text]").fill("hello world")
    text.get_by_role("button", name="Generate").click()
    expect(text.locator(".state")).to_contain_text("was not trained on the prompt's script: Latin")
    if not text.locator(".word").count():
        expect(text.locator(".state")).to_contain_text("No word was generated: the model ended the line at once.")
    page.get_by_role("button", name="한국어").click()
    expect(text.locator(".state")).to_contain_text("학습하지 않은 문자가 프롬프트에 있습니다: 로마자")


def test_a_text_is_copied(visit: Visit):
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.open("text")
    text = section(page, "text")
    text.locator("[name=temperature]").fill("0")
    text.get_by_role("button", name="Generate").click()
    expect(text.locator(".state")).to_contain_text("Done")
    text.get_by_role("button", name="Copy").click()
    expect(text.locator(".copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text.locator(".told").inner_text()


def test_a_text_that_is_refused_says_why(visit: Visit):
    page = visit.open("text")
    text = section(page, "text")
    text.locator("[name=top_p]").fill("0")
    text.get_by_role("button", name="Generate").click()
    expect(text.locator(".error-notice")).to_contain_text("top_p")
    expect(text.locator(".state")).to_have_text("Generation failed.")
    visit.expect_refusal(422)
