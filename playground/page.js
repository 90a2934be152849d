// The place of the page: links and the back button change it here, handlers change it on the server,
// and the address shows it either way. `props`, `watch` and `element` are what gradio gives to an HTML component.

const address = (query) => (query ? "?" + query : location.pathname);

const go = (query) => {
  props.value = query;
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-place]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const query = link.search.slice(1);
  if (query !== location.search.slice(1)) history.pushState(null, "", address(query));
  go(query);
  window.scrollTo(0, 0);
});

window.addEventListener("popstate", () => go(location.search.slice(1)));

watch("value", () => {
  if (props.value === location.search.slice(1)) return;
  history.pushState(null, "", address(props.value));
  window.scrollTo(0, 0);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  element.querySelector("[aria-live]")?.replaceChildren("Copied");
  setTimeout(() => (button.textContent = "Copy"), 1500);
});
