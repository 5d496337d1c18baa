// npm's bittorrent-tracker as a client of ours: start, find each other, complete, stop and scrape, over each URL given.
import Client from 'bittorrent-tracker'

const hash = name => Buffer.from(name.padEnd(20, '.')).toString('hex')

function client (announce, infoHash, number, left) {
  const made = new Client({ infoHash, announce, peerId: Buffer.from(`-TT0100-${number}`.padEnd(20, '0')), port: 6880 + number, wrtc: {} })
  made.left = left
  made._getAnnounceOpts = () => ({ left: made.left })
  for (const event of ['error', 'warning']) made.on(event, problem => { throw problem })
  return made
}

function once (emitter, event, act) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} in time`)), 20_000)
    emitter.once(event, value => { clearTimeout(timer); resolve(value) })
    act()
  })
}

function check (what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
  console.log('ok', what)
}

for (const [number, url] of process.argv.slice(2).entries()) {
  const infoHash = hash(`torrent ${number}`), other = hash(`other ${number}`)
  const seed = client(url, infoHash, 1, 0), peer = client(url, infoHash, 2, 5)
  const counts = data => [data.complete, data.incomplete]
  check(`${url} start`, counts(await once(seed, 'update', () => seed.start())), [1, 0])
  const found = []
  peer.on('peer', address => found.push(address))
  check(`${url} second`, counts(await once(peer, 'update', () => peer.start())), [1, 1])
  check(`${url} peer`, found.map(address => address.slice(address.lastIndexOf(':'))), [':6881'])
  check(`${url} update`, counts(await once(peer, 'update', () => peer.update())), [1, 1])
  check(`${url} complete`, counts(await once(peer, 'update', () => { peer.left = 0; peer.complete() })), [2, 0])
  const scraped = await once(peer, 'scrape', () => peer.scrape())
  check(`${url} scrape`, [scraped.complete, scraped.incomplete, scraped.downloaded], [2, 0, 1])
  // It wants bytes for one protocol and digits for the other.
  const named = url.startsWith('udp') ? [infoHash, other].map(digits => Buffer.from(digits, 'hex')) : [infoHash, other]
  const both = await new Promise((resolve, reject) => Client.scrape({ announce: url, infoHash: named, wrtc: {} }, (problem, data) => problem ? reject(problem) : resolve(data)))
  check(`${url} scrape of two`, [both[infoHash].complete, both[other].complete], [2, 0])
  for (const leaving of [seed, peer]) await once(leaving, 'update', () => leaving.stop())
  const left = await once(peer, 'scrape', () => peer.scrape())
  check(`${url} stop`, [left.complete, left.incomplete], [0, 0])
  for (const leaving of [seed, peer]) leaving.destroy()
}
