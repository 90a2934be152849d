// Boxes of the review: what is changed in one is handed over when it is left, and what the server writes shows in it.
// `element`, `trigger` and `watch` are what gradio gives to an HTML component.

const boxes = () => [...element.querySelectorAll("textarea")];

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) trigger("click", { action: button.dataset.action, id: button.dataset.id });
});

element.addEventListener("change", (event) => {
  const box = event.target.closest("textarea");
  if (box) trigger("click", { action: "edit", id: box.dataset.id, text: box.value });
});

element.addEventListener("keydown", (event) => {
  const box = event.target.closest("textarea");
  if (!box) return;
  if (event.key === "Escape") box.value = box.defaultValue;
  if (!event.ctrlKey) return;
  if (event.key === "Enter") {
    event.preventDefault();
    box.blur();
    boxes()[boxes().indexOf(box) + 1]?.focus();
  }
  if (event.key === " ") {
    event.preventDefault();
    const audio = box.closest("tr").querySelector("audio");
    if (audio.paused) audio.play();
    else audio.pause();
  }
});

// A box that was typed in does not follow its markup by itself. The one that is being typed in is let be, unless it has
// become another clip's.
const follow = () => {
  for (const box of boxes()) {
    if (box === document.activeElement && box.clip === box.dataset.id) continue;
    box.clip = box.dataset.id;
    box.value = box.defaultValue;
  }
};
follow();
watch("value", follow);
