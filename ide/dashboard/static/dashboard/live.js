// Keeps the dashboard live: one socket, figures every second, sparklines of the last five minutes.
// Plain script, no build: it writes text nodes and SVG paths only, never markup from the wire.

const KEPT = 5 * 60 * 1000
const SILENT = 5000 // no sample for so long: not live, whatever the socket says
const FINAL = { 4401: 'sign in to see live figures', 4403: 'you may not see these figures any more' }

const live = document.getElementById('live')
const stats = new Map([...document.querySelectorAll('[data-figure]')].map((e) => [e.dataset.figure, e]))
const bodies = new Map([...document.querySelectorAll('[data-panel]')].map((e) => [e.dataset.panel, e.querySelector('tbody')]))
const series = new Map([...stats].filter(([, e]) => 'chart' in e.dataset).map(([key]) => [key, []]))
const numbers = document.querySelector('#charts tbody')

let pause = 500
let silence = 0

function say(state, text) {
  live.dataset.state = state
  live.textContent = text
}

function shown(value) {
  if (value === null || value === undefined) return '–'
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : String(value)
}

function row(cells) {
  const tr = document.createElement('tr')
  for (const cell of cells) {
    const td = tr.appendChild(document.createElement('td'))
    td.textContent = shown(cell)
    if (typeof cell === 'number') td.className = 'num'
  }
  return tr
}

function fill(body, rows) {
  const heads = body.parentElement.querySelectorAll('th')
  heads.forEach((th, place) => th.classList.toggle('num', !!rows?.some((cells) => typeof cells[place] === 'number')))
  if (rows?.length) return body.replaceChildren(...rows.map(row))
  const tr = row([rows ? body.dataset.empty : 'Cannot be read now.'])
  tr.firstChild.className = 'muted'
  tr.firstChild.colSpan = heads.length
  body.replaceChildren(tr)
}

function remember(sample) {
  const at = Date.parse(sample.at)
  for (const [key, points] of series) {
    const value = sample.figures[key]
    if (typeof value === 'number' && at > (points.at(-1)?.at ?? 0)) points.push({ at, value })
    while (points.length && points[0].at < at - KEPT) points.shift()
  }
}

function draw(svg, points) {
  const end = points.at(-1)?.at ?? 0
  const top = Math.max(1, ...points.map((p) => p.value))
  const place = (p) => `${(300 - ((end - p.at) / KEPT) * 300).toFixed(1)},${(38 - (p.value / top) * 36).toFixed(1)}`
  const line = points.length > 1 ? `M${points.map(place).join('L')}` : ''
  svg.querySelector('.line').setAttribute('d', line)
  svg.querySelector('.area').setAttribute('d', line && `${line}L300,40L${place(points[0]).split(',')[0]},40Z`)
}

function chart() {
  const rows = []
  for (const [key, points] of series) {
    draw(stats.get(key).querySelector('svg'), points)
    const values = points.map((p) => p.value)
    if (!values.length) continue
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    rows.push([stats.get(key).querySelector('h3').textContent, values.at(-1), Math.min(...values), mean, Math.max(...values)])
  }
  if (rows.length) numbers.replaceChildren(...rows.map(row))
}

function take(message) {
  if (message.kind === 'history') return message.samples.forEach(remember)
  for (const [key, value] of Object.entries(message.figures)) {
    const place = stats.get(key)?.querySelector('[data-value]')
    if (place) place.textContent = shown(value)
  }
  for (const [key, rows] of Object.entries(message.panels)) if (bodies.has(key)) fill(bodies.get(key), rows)
  remember(message)
  chart()
  pause = 500
  say('live', 'live')
  clearTimeout(silence)
  silence = setTimeout(() => say('lost', 'not live: the server is silent'), SILENT)
}

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const socket = new WebSocket(`${scheme}://${location.host}/ws/dashboard`)
  socket.onmessage = (event) => take(JSON.parse(event.data))
  socket.onclose = (event) => {
    clearTimeout(silence)
    if (FINAL[event.code]) return say('lost', `not live: ${FINAL[event.code]}`)
    say('lost', 'not live: connecting again')
    setTimeout(connect, pause * (0.5 + Math.random()))
    pause = Math.min(pause * 2, 30000)
  }
}

connect()
