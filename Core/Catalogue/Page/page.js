// One page in two places. At a tracker it lists what is shared there. `tinytorrent browse` serves it on this machine and adds
// downloading and playing (data-mode is "client"). Everything is asked for relative to the page's own address, which carries
// the key if one is needed. Names come from strangers: they become text and never markup.
'use strict';

const client = document.documentElement.dataset.mode === 'client';
const base = new URL('.', location.href);
const maxPages = 10;
const refreshSeconds = 10;

const $ = id => document.getElementById(id);
const rows = new Map();       // by info-hash
const transfers = new Map();  // by info-hash, as downloads.json says; clients only
let sort = { key: 'published', down: true };
let now = 0, asked = 0, typing = 0, watching = 0;
let playing = null;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// What is shown

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

function age(seconds) {
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60]])
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return 'now';
}

function counted(count, thing) {
  return `${count.toLocaleString()} ${thing}${count === 1 ? '' : 's'}`;
}

// Characters that show nothing, or turn the direction of what follows, would let a name look like another. Marks are stacked on
// a letter in twos and threes in real words; a tower of them would reach into other rows.
function shown(name) {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD').replace(/(?<=\p{M}{6})\p{M}+/gu, '\uFFFD');
}

function say(text, bad = false) {
  $('message').textContent = text;
  $('message').classList.toggle('bad', bad);
}

// For a shell: a name that needs care is left out, the hash says the same. So is one that get would take for another hash, or
// for a file.
function getLine(entry) {
  const plain = !/^([0-9a-f]{40}|[0-9a-f]{64})$|\.torrent$/i.test(entry.name) && /^[\p{L}\p{N}_.][\p{L}\p{N}_.,()\[\] +-]*$/u.test(entry.name);
  const what = plain ? (/^[\w.-]+$/.test(entry.name) ? entry.name : `'${entry.name}'`) : entry.info_hash;
  return `tinytorrent get ${what} --tracker ${base.href}`;
}

function magnet(entry) {
  const announce = encodeURIComponent(new URL('announce', base).href);
  return `magnet:?xt=urn:btih:${entry.info_hash}&dn=${encodeURIComponent(entry.name)}&tr=${announce}`;
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // over plain HTTP a browser gives no clipboard
    const area = element('textarea', { value: text, className: 'unseen' });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  const label = button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = label; }, 1500);
}

function newRow(entry) {
  const cell = className => element('td', { className });
  const cells = {
    name: cell('name'), kind: cell('kind'), size: cell('number'), seeders: cell('number'), leechers: cell('number'),
    age: cell('number age'), actions: cell('actions'),
  };
  const actions = element('div');
  cells.actions.append(actions);
  const row = { entry, cells, actions, tr: element('tr', {}, ...Object.values(cells)) };
  if (client) addClientActions(row);
  else {
    const line = element('button', { type: 'button', textContent: 'Copy get line', title: getLine(entry) });
    line.addEventListener('click', () => copy(line, getLine(entry)));
    actions.append(
      line,
      element('a', { className: 'button', href: magnet(entry), textContent: 'Magnet' }),
      element('a', { className: 'button', href: `torrents/${entry.info_hash}.torrent`, textContent: '.torrent' }));
  }
  return row;
}

function fill(row) {
  const { entry, cells } = row;
  const files = entry.file_count === 1 ? '' : counted(entry.file_count, 'file');
  const about = [files, shown(entry.comment)].filter(Boolean).join(' · ');
  cells.name.replaceChildren(element('div', { textContent: shown(entry.name) }), ...(about ? [element('small', { textContent: about })] : []));
  cells.kind.textContent = entry.kind;
  cells.size.textContent = size(entry.size);
  for (const count of ['seeders', 'leechers']) {
    cells[count].textContent = entry[count].toLocaleString();
    cells[count].dataset.label = entry[count] === 1 ? count.slice(0, -1) : count; // beside the number on a phone
  }
  const since = age(Math.max(0, now - entry.published));
  cells.age.textContent = since;
  if (since === 'now') delete cells.age.dataset.label;
  else cells.age.dataset.label = 'old';
}

function compare(a, b) {
  const x = a.entry[sort.key], y = b.entry[sort.key];
  const order = typeof x === 'number' ? x - y : x.localeCompare(y, undefined, { numeric: true });
  return (sort.down ? -order : order) || a.entry.name.localeCompare(b.entry.name);
}

function arrange() {
  const body = $('list').tBodies[0];
  const wanted = [...rows.values()].sort(compare).map(row => row.tr);
  // Only what moved is touched: whoever has the focus in a row keeps it.
  wanted.forEach((tr, i) => { if (body.rows[i] !== tr) body.insertBefore(tr, body.rows[i] ?? null); });
  while (body.rows.length > wanted.length) body.lastChild.remove();
  for (const button of document.querySelectorAll('th button')) {
    const header = button.closest('th');
    // Age grows the other way than the time of publishing.
    const down = button.dataset.sort === 'published' ? !sort.down : sort.down;
    if (button.dataset.sort === sort.key) header.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    else header.removeAttribute('aria-sort');
  }
}

// What is asked

async function json(path, options) {
  const answer = await fetch(new URL(path, base), options);
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(body?.error ?? `the answer was ${answer.status}`);
  return body;
}

async function refresh() {
  const mine = ++asked;
  const query = new URLSearchParams();
  const kind = document.querySelector('[name=kind]:checked').value, words = $('words').value.trim();
  if (kind) query.set('kind', kind);
  if (words) query.set('q', words);
  try {
    const entries = [];
    let total = 0;
    for (let page = 1, pages = 1; page <= Math.min(pages, maxPages); page++) {
      query.set('page', page);
      const answer = await json(`catalogue.json?${query}`);
      if (mine !== asked) return; // another search has begun
      ({ now, pages, total } = answer);
      entries.push(...answer.entries);
    }
    const before = new Map(rows);
    rows.clear();
    for (const entry of entries) {
      const row = before.get(entry.info_hash) ?? newRow(entry);
      row.entry = entry;
      fill(row);
      rows.set(entry.info_hash, row);
    }
    arrange();
    say(entries.length === 0 ? (kind || words ? 'Nothing matches.' : 'Nothing is shared here yet.')
      : entries.length < total ? `The newest ${entries.length} of ${total}: search to see others.` : '');
  } catch (error) {
    if (mine === asked) say(`The list could not be read: ${error.message}.`, true);
  }
}

async function showFigures() {
  if (client) {
    $('figures').textContent = 'what is shared at the tracker';
    return;
  }
  try {
    const figures = await json('stats.json');
    $('figures').replaceChildren(
      `${counted(figures.peers_ipv4 + figures.peers_ipv6, 'peer')} at this moment · `,
      element('a', { href: 'stats', textContent: 'all figures' }));
  } catch {
    $('figures').textContent = '';
  }
}

// A client's downloads

function addClientActions(row) {
  const hash = row.entry.info_hash;
  row.download = element('button', { type: 'button', className: 'strong', textContent: 'Download' });
  row.download.addEventListener('click', () => download(hash));
  row.play = element('button', { type: 'button', textContent: 'Play', hidden: row.entry.kind === 'other' });
  row.play.addEventListener('click', () => play(hash));
  row.stop = element('button', { type: 'button', textContent: 'Stop', hidden: true });
  row.stop.addEventListener('click', () => stop(hash));
  row.bar = element('progress', { max: 1, hidden: true });
  row.state = element('span', { className: 'progress', hidden: true });
  row.actions.append(row.download, row.play, row.stop, row.bar, row.state);
}

async function download(hash) {
  try {
    await json(`downloads/${hash}`, { method: 'POST' });
    await showTransfers();
    watch();
    return true;
  } catch (error) {
    say(`The download could not be started: ${error.message}.`, true);
    return false;
  }
}

async function stop(hash) {
  if (playing === hash) closePlayer(); // its request would wait for what does not come any more
  try {
    await json(`downloads/${hash}`, { method: 'DELETE' });
    transfers.delete(hash);
    const row = rows.get(hash);
    row.download.hidden = false;
    row.stop.hidden = row.bar.hidden = row.state.hidden = true;
    row.state.textContent = '';
  } catch (error) {
    say(`The download could not be stopped: ${error.message}.`, true);
  }
}

function describe(transfer) {
  switch (transfer.state) {
    case 'starting': return 'asking for the torrent';
    case 'checking': return 'checking what is there';
    case 'failed': return transfer.error;
    case 'complete': return `complete in ${transfer.folder} · seeding`;
    default: return `${(100 * transfer.done / Math.max(1, transfer.total)).toFixed(1)} % · ${size(transfer.rate)}/s · ${counted(transfer.peers, 'peer')}`;
  }
}

async function showTransfers() {
  for (const transfer of (await json('downloads.json')).downloads) {
    transfers.set(transfer.info_hash, transfer);
    const row = rows.get(transfer.info_hash);
    if (!row) continue;
    row.download.hidden = !transfer.again;
    row.stop.hidden = false;
    row.bar.hidden = transfer.state === 'failed' || transfer.state === 'complete';
    row.bar.value = transfer.done / Math.max(1, transfer.total);
    row.bar.setAttribute('aria-label', `${shown(row.entry.name)}: progress`);
    row.state.hidden = false;
    row.state.textContent = describe(transfer);
    row.state.classList.toggle('bad', transfer.state === 'failed');
  }
}

function watch() {
  if (watching) return;
  const look = async () => {
    await showTransfers().catch(() => say('tinytorrent does not answer any more: was it stopped?', true));
    const busy = [...transfers.values()].some(t => t.state !== 'complete' && t.state !== 'failed');
    watching = busy ? setTimeout(look, 1000) : 0;
  };
  watching = setTimeout(look, 0);
}

// Playing

async function play(hash) {
  const known = transfers.get(hash);
  if ((!known || known.again) && !await download(hash)) return;
  playing = hash;
  const name = shown(rows.get(hash).entry.name);
  $('playing').textContent = name;
  $('screen').replaceChildren(element('p', { textContent: 'Asking for the torrent …' }));
  $('playlist').replaceChildren();
  $('player').hidden = false;
  $('player').scrollIntoView({ block: 'nearest' });
  while (playing === hash) {
    const transfer = transfers.get(hash);
    if (transfer?.state === 'failed') {
      $('screen').replaceChildren(element('p', { className: 'bad', textContent: transfer.error }));
      return;
    }
    if (transfer?.files) {
      const files = transfer.files.filter(file => /^(audio|video)\//.test(file.type));
      if (files.length === 0) $('screen').replaceChildren(element('p', { textContent: 'There is nothing in it to play.' }));
      else showPlaylist(hash, files);
      return;
    }
    await new Promise(resolve => { setTimeout(resolve, 200); });
    await showTransfers().catch(() => {});
  }
}

function showPlaylist(hash, files) {
  const start = file => {
    const medium = element(file.type.startsWith('video/') ? 'video' : 'audio', { controls: true, autoplay: true, src: `play/${hash}/${file.index}` });
    medium.addEventListener('error', () => $('screen').append(element('p', { className: 'bad', textContent: `This browser cannot play ${shown(file.path)}.` })), { once: true });
    const next = files[files.indexOf(file) + 1];
    if (next) medium.addEventListener('ended', () => start(next), { once: true });
    $('screen').replaceChildren(medium);
    for (const [i, item] of [...$('playlist').children].entries()) item.firstChild.classList.toggle('strong', files[i] === file);
  };
  if (files.length > 1) $('playlist').replaceChildren(...files.map(file => {
    const button = element('button', { type: 'button', textContent: shown(file.path.split('/').pop()) });
    button.addEventListener('click', () => start(file));
    return element('li', {}, button);
  }));
  start(files[0]);
}

function closePlayer() {
  playing = null;
  $('screen').replaceChildren(); // which ends its request, and with it the hurry for these pieces
  $('player').hidden = true;
}

$('close').addEventListener('click', closePlayer);

// What a person does

$('find').addEventListener('submit', event => event.preventDefault());
$('words').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(refresh, 200);
});
$('kinds').addEventListener('change', refresh);
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const key = button.dataset.sort;
    // Numbers are wanted largest first, names from A.
    sort = { key, down: sort.key === key ? !sort.down : key !== 'name' && key !== 'kind' };
    arrange();
  });
}

document.querySelector(`[name=kind][value="${document.documentElement.dataset.kind}"]`).checked = true;
setInterval(() => {
  if (document.hidden) return;
  refresh();
  showFigures();
}, refreshSeconds * 1000);
showFigures();
refresh().then(() => { if (client) watch(); });
