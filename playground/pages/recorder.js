// The recorder: one sentence at a time, from the microphone into the dataset. `element`, `props`, `watch` and `server`
// are what gradio gives to an HTML component; `props.value` is the JSON that recorder.py writes, so that a reload loses
// nothing that was kept. `tapMicrophone` and `wavOf` are in microphone.js.

const QUIET_DBFS = -36; // speech below is called very quiet by model/quality.py
const LOUD_DBFS = -3;
const CLIPPED_FROM = 0.99; // as in model/metering.py
const FALL_DB_PER_SECOND = 12; // the meter stays up in the pauses between words
const SHORTEST_SECONDS = 1;
const LONGEST_SECONDS = 60;

const REFUSALS = {
  NotAllowedError: "The browser may not use the microphone. Allow it beside the address of the page, then press “Record” again.",
  NotFoundError: "No microphone was found. Plug one in, then press “Record” again.",
  NotReadableError: "The microphone cannot be opened; another program may be using it. Close that, then press “Record” again.",
};
const LOST = "The microphone went away, and with it this take. Plug it in again, then press “Record” again.";

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const decibels = (amplitude) => 20 * Math.log10(Math.max(amplitude, 1e-6));

let known = { files: {}, languages: [] }; // what the server says of the dataset
let kept = new Set(); // names of sentences that were kept since it last said so
let lengths = {}; // seconds of what was recorded here, until the server has measured it
let script = [];
let language = "";
let place = 0;
let phase = "idle"; // idle, opening, recording, taken, saving
let microphone = null;
let blocks = [];
let take = null;
let held = -60;

const current = () => script[place];
const isSpoken = ({ name }) => kept.has(name) || name in known.files;
const spokenSeconds = ({ name }) => known.files[name]?.seconds || lengths[name] || 0;
const say = (words) => part("words").replaceChildren(words);

const openMicrophone = async () => {
  microphone = await tapMicrophone(hear, () => {
    if (phase === "recording") become("idle", LOST);
    closeMicrophone();
  });
};

const closeMicrophone = () => {
  microphone?.stream.getTracks().forEach((track) => track.stop());
  microphone?.context.close();
  microphone = null;
  showLevel(-60, "");
};

const hear = (block, sampleRate) => {
  if (!element.isConnected) return leave();
  let peak = 0;
  let power = 0;
  for (const value of block) {
    peak = Math.max(peak, Math.abs(value));
    power += value * value;
  }
  const level = decibels(Math.sqrt(power / block.length));
  held = Math.max(level, held - (FALL_DB_PER_SECOND * block.length) / sampleRate);
  if (phase === "recording") {
    blocks.push(block);
    take.peak = Math.max(take.peak, peak);
    take.level = Math.max(take.level, level);
    take.seconds += block.length / sampleRate;
  }
  const clipped = peak >= CLIPPED_FROM || (phase === "recording" && take.peak >= CLIPPED_FROM);
  showLevel(held, clipped ? "Clipped" : decibels(peak) > LOUD_DBFS ? "Too loud" : held < QUIET_DBFS ? "Too quiet" : "Good");
  if (phase === "recording" && take.seconds >= LONGEST_SECONDS) stop();
};

const showLevel = (level, judgement) => {
  const meter = part("level");
  meter.dataset.judgement = judgement;
  meter.setAttribute("aria-valuenow", Math.round(level));
  meter.setAttribute("aria-valuetext", judgement || "off");
  meter.querySelector("span").style.width = `${Math.min(Math.max((level + 60) / 60, 0), 1) * 100}%`;
  part("judgement").textContent = judgement;
  const seconds = Math.floor(take?.seconds ?? 0);
  part("time").textContent = phase === "recording" ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "";
};

const record = async () => {
  if (take) forgetTake();
  become("opening", microphone ? "" : "Waiting for the microphone…");
  try {
    if (!microphone) await openMicrophone();
  } catch (error) {
    closeMicrophone();
    return become("idle", REFUSALS[error.name] ?? error.message);
  }
  if (phase !== "opening") return closeMicrophone(); // the person went on while the browser asked
  blocks = [];
  take = { peak: 0, level: -120, seconds: 0 };
  become("recording", "Recording: read the sentence aloud.");
};

const stop = () => {
  take.blob = wavOf(blocks, microphone.context.sampleRate);
  blocks = [];
  part("audio").src = URL.createObjectURL(take.blob);
  take.fault =
    take.seconds < SHORTEST_SECONDS
      ? "That was too short."
      : take.peak >= CLIPPED_FROM
        ? "It is clipped: move back a little or lower the input level."
        : take.level < QUIET_DBFS
          ? "It is very quiet: come closer or raise the input level."
          : "";
  become("taken", take.fault ? `${take.fault} Best record it again.` : "Listen to it if you like, then keep it.");
};

const forgetTake = () => {
  const audio = part("audio");
  audio.pause();
  URL.revokeObjectURL(audio.src);
  audio.removeAttribute("src");
  take = null;
};

const keep = async () => {
  const { name, text } = current();
  const { blob, seconds } = take;
  const files = `/datasets/${known.dataset}/files`;
  const earlier = known.files[name]?.id;
  const form = new FormData();
  form.append("file", new Blob([text], { type: "text/plain" }), `${name}.txt`);
  form.append("file", blob, `${name}.wav`);
  become("saving", "Saving…");
  let fault = "";
  try {
    await ask(files, { method: "POST", body: form });
    if (earlier) await ask(`${files}/${earlier}`, { method: "DELETE" });
  } catch (error) {
    fault = `Not saved: ${error.message} The take is still here; keep it again.`;
  }
  if (phase !== "saving") return; // the person has left
  if (fault) return become("taken", fault);
  kept.add(name);
  lengths[name] = seconds;
  forgetTake();
  goOn();
};

const ask = async (address, request) => {
  const response = await fetch(address, request).catch(() => {
    throw new Error("The server does not answer.");
  });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).message ?? `The server answered ${response.status}.`);
};

const goOn = () => {
  const order = [...script.keys()].map((step) => (place + 1 + step) % script.length);
  const next = order.find((index) => !isSpoken(script[index]));
  place = next ?? place;
  become("idle", next === undefined ? "All sentences are recorded. Thank you!" : "Kept.");
};

const move = (steps) => {
  if (phase !== "idle" && phase !== "taken") return;
  if (take) forgetTake();
  place = (place + steps + script.length) % script.length;
  become("idle", isSpoken(current()) ? "This one is recorded; a new take will replace it." : "");
};

const MAIN = { idle: "Record", opening: "Record", recording: "Stop", saving: "Saving…" };

const become = (next, words) => {
  phase = next;
  draw();
  say(words);
};

const draw = () => {
  if (!script.length) return;
  const spoken = script.filter(isSpoken);
  const minutes = spoken.reduce((sum, sentence) => sum + spokenSeconds(sentence), 0) / 60;
  part("count").textContent = `${spoken.length} of ${script.length}, ${minutes.toFixed(1)} minutes`;
  part("progress").setAttribute("aria-valuemax", script.length);
  part("progress").setAttribute("aria-valuenow", spoken.length);
  part("progress").firstElementChild.style.width = `${(100 * spoken.length) / script.length}%`;
  part("sentence").textContent = current().text;
  part("sentence").lang = language;
  const isTaken = phase === "taken";
  const main = part("main");
  main.textContent = isTaken ? (take.fault ? "Record again" : "Keep, and next") : MAIN[phase];
  main.classList.toggle("recording", phase === "recording");
  main.setAttribute("aria-disabled", phase === "opening" || phase === "saving");
  part("other").textContent = isTaken && take.fault ? "Keep it anyway" : "Record again";
  part("other").hidden = !isTaken;
  part("back").hidden = part("on").hidden = phase === "recording" || phase === "saving";
  part("audio").hidden = !isTaken;
};

const press = () => {
  if (phase === "idle") record();
  else if (phase === "recording") stop();
  else if (phase === "taken" && take.fault) record();
  else if (phase === "taken") keep();
};

const leave = () => {
  closeMicrophone();
  if (take) forgetTake();
  become("idle", "");
};

const readScript = async (code) => {
  language = code;
  script = await server.read_script(code);
  place = Math.max(script.findIndex((sentence) => !isSpoken(sentence)), 0);
  part("language").value = code;
  become("idle", "");
};

const takeIn = () => {
  element.firstElementChild.hidden = !props.value;
  if (!props.value) return leave();
  const before = known;
  known = JSON.parse(props.value);
  kept = new Set([...kept].filter((name) => !(name in known.files)));
  if (known.dataset === before.dataset && known.languages.some(([code]) => code === language)) return draw();
  kept.clear();
  lengths = {};
  part("choice").hidden = known.languages.length < 2;
  part("language").replaceChildren(...known.languages.map(([code, name]) => new Option(name, code)));
  leave();
  readScript(known.language);
};

part("main").addEventListener("click", press);
part("other").addEventListener("click", () => {
  part("main").focus();
  if (take.fault) keep();
  else record();
});
part("back").addEventListener("click", () => move(-1));
part("on").addEventListener("click", () => move(1));
part("language").addEventListener("change", (event) => {
  leave();
  readScript(event.target.value);
});
element.querySelector("details").addEventListener("toggle", (event) => event.target.open || leave());
element.addEventListener("keydown", (event) => {
  if (event.target.closest("select, audio, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    r: () => phase === "taken" && record(),
    l: () => phase === "taken" && part("audio").play(),
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
  };
  if (event.key === " " && !event.target.closest("button")) keys[" "] = press;
  const act = keys[event.key];
  if (!act || event.repeat) return;
  event.preventDefault();
  act();
});
watch("value", takeIn);
takeIn();
