// Sound of the microphone as it is, block by block, and as a WAV file. Knows no page.

const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  block = new Float32Array(2048);
  filled = 0;
  process([[channel]]) {
    if (!channel) return true;
    this.block.set(channel, this.filled);
    this.filled += channel.length;
    if (this.filled === this.block.length) {
      this.port.postMessage(this.block);
      this.filled = 0;
    }
    return true;
  }
});`;

const INSECURE =
  "Browsers open the microphone only for a page of the same machine (http://127.0.0.1, http://localhost) or over https. " +
  "Open the page so, or upload recordings instead.";

// Open the microphone at its own rate, without echo cancellation, noise suppression or automatic gain, and hand each
// block of 2,048 samples to `hear(block, rate)`; `lost` is called when the microphone goes away.
const tapMicrophone = async (hear, lost) => {
  if (!window.isSecureContext || !navigator.mediaDevices) throw new Error(INSECURE);
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const [track] = stream.getAudioTracks();
  try {
    const { sampleRate } = track.getSettings();
    const context = new AudioContext(sampleRate ? { sampleRate } : {});
    const module = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(module);
    URL.revokeObjectURL(module);
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = (event) => hear(event.data, context.sampleRate);
    context.createMediaStreamSource(stream).connect(tap);
    await context.resume();
    track.onended = lost;
    return { stream, context };
  } catch (error) {
    track.stop();
    throw error;
  }
};

// Mono 16-bit PCM of blocks in [-1, 1].
const wavOf = (pieces, rate) => {
  const samples = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const write = (offset, word) => [...word].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * samples, true);
  let offset = 44;
  for (const piece of pieces) {
    for (const value of piece) {
      view.setInt16(offset, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
      offset += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
};

