// The official JavaScript SDK against a running server, changed in nothing but its base URL.
//
//     npm install --prefix bench/javascript        (Node.js 18 or newer, such as Debian's nodejs and npm)
//     node bench/javascript/cartesia.mjs --url http://127.0.0.1:7860
//
// Every call of the SDK that the server answers, as the SDK's documentation makes it: speech is measured and written
// down again by /stt; a voice, a dataset and a dictionary are made, changed and deleted. Prints a line a call and ends
// with 1 when one failed. The SDK's WebSocket is left out: it asks for TLS, whatever the base URL says.

import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Cartesia, { toFile } from '@cartesia/cartesia-js';

globalThis.File ??= File; // the SDK wants it there; Node.js has it there from 20 on

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:7860' },
    model: { type: 'string', default: 'sonic-3' },
  },
});
const TEXT = 'Professional voice cloning builds an accurate copy of a voice from your own recordings.';
const VOICE = '6ccbfb76-1fc6-48f7-b71d-91ac6298247b';
const RATE = 24_000;
const WAV = { container: 'wav', encoding: 'pcm_s16le', sample_rate: RATE };
const RAW = { container: 'raw', encoding: 'pcm_s16le', sample_rate: RATE };
const MP3 = { container: 'mp3', bit_rate: 128_000, sample_rate: 44_100 };

const client = new Cartesia({ apiKey: 'any', baseURL: options.url });
const folder = await mkdtemp(join(tmpdir(), 'cartesia-js-'));
const clip = join(folder, 'Élan vital.wav');
let failures = 0;

/** One line a call; what `call` gives is told when it is words. */
async function check(name, call) {
  try {
    const told = await call();
    console.log(`ok      ${name}${typeof told === 'string' ? `: ${told}` : ''}`);
    return told;
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}

async function checkSpeech() {
  const order = (changes) => {
    return { model_id: options.model, transcript: TEXT, voice: VOICE, output_format: WAV, ...changes };
  };

  await check('tts.generate, WAV', async () => {
    const answer = await client.tts.generate(order());
    assert.equal(answer.headers.get('content-type'), 'audio/wav');
    const wav = Buffer.from(await answer.arrayBuffer());
    await writeFile(clip, wav);
    return heardIn(samplesOf(wav));
  });
  await check('tts.generate, MP3', async () => {
    const answer = await client.tts.generate(order({ transcript: 'Good morning.', output_format: MP3 }));
    assert.equal(answer.headers.get('content-type'), 'audio/mpeg');
    const mp3 = Buffer.from(await answer.arrayBuffer());
    assert.ok(mp3.toString('latin1', 0, 3) === 'ID3' || mp3.readUInt16BE() >= 0xffe0, 'it does not begin as MP3 does');
  });
  await check('tts.generateSSE, with times', async () => {
    const events = [];
    for await (const event of await client.tts.generateSSE(order({ output_format: RAW, add_timestamps: true }))) {
      events.push(event);
    }
    assert.equal(events.at(-1).type, 'done');
    const words = events.filter(({ type }) => type === 'timestamps').flatMap((event) => event.word_timestamps.words);
    assert.equal(words.join(' '), TEXT);
    const chunks = events.filter(({ type }) => type === 'chunk').map(({ data }) => Buffer.from(data, 'base64'));
    return heardIn(Buffer.concat(chunks));
  });
  await check('tts.generate of nothing', () =>
    refused(client.tts.generate(order({ transcript: '' })), 400, 'empty_transcript'),
  );
  await check('stt.transcribe', async () => {
    const form = { file: createReadStream(clip), model: 'ink-whisper', timestamp_granularities: ['word'] };
    const heard = await client.stt.transcribe(form);
    assert.match(heard.text, /voice cloning.* your own recordings/i);
    assert.equal(heard.words.map(({ word }) => word).join(' '), heard.text);
    return heard.text;
  });
}

async function checkVoices() {
  await check('voices.list', async () => {
    const ids = await idsOf(client.voices.list({ limit: 7 }));
    assert.ok(ids.includes(VOICE), `the voice ${VOICE} of the SDK's examples is missing`);
    return `${ids.length} voices`;
  });
  await check('voices.list, filtered', async () => {
    const { data } = await client.voices.list({ is_owner: false, gender: 'feminine', expand: ['preview_file_url'] });
    assert.ok(data.length && data.every((voice) => voice.gender === 'feminine' && voice.preview_file_url));
  });
  await check('voices.get', async () => (await client.voices.get(VOICE)).name);
  await check('voices.get of none', () => refused(client.voices.get('nobody'), 404, 'voice_not_found'));
  await check('voices.listAccents', async () => `${(await client.voices.listAccents()).accents.length} accents`);

  const form = { name: 'Élodie', language: 'en', description: 'from one clip' };
  const voice = await check('voices.clone', () => client.voices.clone({ ...form, clip: createReadStream(clip) }));
  const local = await check('voices.localize', () =>
    client.voices.localize({ voice_id: VOICE, name: 'Heart', accent: 'british' }),
  );
  await check('voices.update', async () => {
    const changed = await client.voices.update(voice.id, { name: 'Zoë', gender: 'feminine' });
    assert.deepEqual([changed.name, changed.gender, changed.description], ['Zoë', 'feminine', form.description]);
  });
  await check('voices.addAccents', () => client.voices.addAccents(voice.id, { accents: ['british'] }));
  await check('voices.deleteAccent', () => client.voices.deleteAccent('british', { id: voice.id }));
  for (const made of [voice, local]) {
    await check('voices.delete', async () => {
      await client.voices.delete(made.id);
      await refused(client.voices.get(made.id), 404, 'voice_not_found');
    });
  }
}

async function checkDatasets() {
  const dataset = await check('datasets.create', () => client.datasets.create({ name: 'Ada', description: '' }));
  await check('datasets.update', async () => {
    await client.datasets.update(dataset.id, { name: 'Bea', description: 'Interviews' });
    assert.equal((await client.datasets.retrieve(dataset.id)).name, 'Bea');
  });
  await check('datasets.list', async () => assert.ok((await idsOf(client.datasets.list())).includes(dataset.id)));
  await check('datasets.files.upload', async () => {
    await client.datasets.files.upload(dataset.id, { file: createReadStream(clip), purpose: 'fine_tune' });
    await client.datasets.files.upload(dataset.id, { file: await toFile(createReadStream(clip), 'again.wav') });
  });
  await check('datasets.files.list', async () => {
    const { data } = await client.datasets.files.list(dataset.id);
    assert.deepEqual(data.map(({ filename }) => filename).sort(), ['again.wav', 'Élan vital.wav']);
    await client.datasets.files.delete(data[0].id, { id: dataset.id });
    assert.equal((await client.datasets.files.list(dataset.id)).data.length, 1);
  });
  await check('datasets.delete', async () => {
    await client.datasets.delete(dataset.id);
    await refused(client.datasets.retrieve(dataset.id), 404, 'dataset_not_found');
  });
  await check('fineTunes.list', async () => `${(await idsOf(client.fineTunes.list())).length} fine-tunes`);
  const order = { name: 'Ada', description: '', language: 'en', model_id: options.model, dataset: 'dataset_gone' };
  await check('fineTunes.create of nothing', () => refused(client.fineTunes.create(order), 404, 'dataset_not_found'));
}

async function checkTheRest() {
  await check('getStatus', async () => assert.equal((await client.getStatus()).ok, true));
  await check('accessToken.create', async () => {
    const { token } = await client.accessToken.create({ expires_in: 60, grants: { tts: true } });
    const speaker = new Cartesia({ token, baseURL: options.url });
    const form = { model_id: options.model, transcript: 'Good morning.', voice: VOICE, output_format: RAW };
    assert.ok((await (await speaker.tts.generate(form)).arrayBuffer()).byteLength > RATE);
    await refused(speaker.datasets.list(), 403);
  });
  await check('pronunciationDicts', async () => {
    const items = [{ text: 'Acme', alias: 'ack me' }];
    const words = await client.pronunciationDicts.create({ name: 'Names', items });
    await client.pronunciationDicts.update(words.id, { name: 'Firms' });
    const found = await client.pronunciationDicts.retrieve(words.id);
    assert.deepEqual([found.name, found.items[0].alias], ['Firms', 'ack me']);
    assert.ok((await idsOf(client.pronunciationDicts.list())).includes(words.id));
    await client.pronunciationDicts.delete(words.id);
  });
  await check('what is not offered is told at once', async () => {
    const began = performance.now();
    const form = { clip: createReadStream(clip), 'voice[id]': VOICE, output_format: WAV };
    await refused(client.voiceChanger.generate(form), 501, 'not_implemented');
    assert.ok(performance.now() - began < 500, 'the SDK tried again');
  });
}

/** All pages of a list; each row comes once. */
async function idsOf(list) {
  const ids = [];
  for await (const { id } of list) ids.push(id);
  assert.equal(new Set(ids).size, ids.length, 'rows came twice');
  return ids;
}

async function refused(call, status, code) {
  const error = await call.then(() => assert.fail('it was not refused'), (error) => error);
  assert.ok(error instanceof Cartesia.APIError, error.message);
  assert.equal(error.status, status, error.message);
  if (code) assert.equal(error.error.error_code, code);
}

/** The samples of a WAV stream, whose header may leave the length open. */
function samplesOf(wav) {
  assert.equal(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 16), 'RIFFWAVEfmt ');
  assert.deepEqual([wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt32LE(24)], [1, 1, RATE]);
  const data = wav.indexOf('data');
  assert.ok(data > 0, 'it has no data');
  return wav.subarray(data + 8);
}

/** Seconds and level of 16-bit samples, which must be those of speech. */
function heardIn(samples) {
  const seconds = samples.length / 2 / RATE;
  assert.ok(seconds > 3 && seconds < 12, `${seconds.toFixed(1)} s are not what the text takes`);
  let power = 0;
  for (let at = 0; at < samples.length; at += 2) power += (samples.readInt16LE(at) / 32_768) ** 2;
  const level = 10 * Math.log10((2 * power) / samples.length);
  assert.ok(level > -40 && level < -5, `${level.toFixed(0)} dBFS are not those of speech`);
  return `${seconds.toFixed(1)} s at ${level.toFixed(0)} dBFS`;
}

try {
  for (const part of [checkSpeech, checkVoices, checkDatasets, checkTheRest]) await part();
} finally {
  await rm(folder, { recursive: true });
}
console.log(failures ? `${failures} calls failed` : 'every call was answered');
process.exitCode = failures ? 1 : 0;
