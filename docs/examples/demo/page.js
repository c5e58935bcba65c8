// Asks the server, and draws what it tells of every request, those of others too.

const scenarios = {
  notification: { method: 'POST', path: '/send-notification/ada@example.com' },
  upload: { method: 'POST', path: '/files/notes.txt', body: 'a line\n'.repeat(60) },
  stream: { method: 'GET', path: '/report' },
  leave: { method: 'GET', path: '/report', leaves: true },
  head: { method: 'HEAD', path: '/report' },
  order: { method: 'POST', path: '/orders' },
}
const orders = {
  '': 'concurrency: 1, as in Starlette',
  concurrent: 'concurrency: Infinity',
  limit: 'two at a time, of all requests together: press a button twice',
}
const kept = 20
const outcomes = {
  closed: 'The body was read to its end, or there was none to read.',
  cancelled: 'The client went away.',
  errored: 'The source of the body failed.',
  unread: 'Nobody read the body.',
  thrown: 'The handler threw an error.',
}

const find = (selector, root = document) => root.querySelector(selector)
const list = find('#timelines')
const form = find('form')
const motion = matchMedia('(prefers-reduced-motion: reduce)')
/** By the id of the request. */
const timelines = new Map()
/** Of the requests of this page: what its own `fetch` has seen. */
const ownRequests = new Map()
let asked = 'notification'
/** Milliseconds that the server's clock is ahead. */
let clockOffset = -Infinity

// Asking

for (const button of document.querySelectorAll('[data-scenario]')) {
  button.addEventListener('click', () => {
    asked = button.dataset.scenario
    showCommand()
    void ask(asked)
  })
}
form.addEventListener('change', showCommand)
// Beside the timelines they are in nobody's way.
const wide = matchMedia('(width >= 60rem)')
const showOptions = () => (find('.options').open = wide.matches)
wide.addEventListener('change', showOptions)
showOptions()
addEventListener('resize', () => {
  for (const timeline of timelines.values()) timeline.drawAxis()
})
find('#clear').addEventListener('click', () => {
  for (const timeline of timelines.values()) if (timeline.isDone) remove(timeline)
})
find('#copy').addEventListener('click', async ({ currentTarget: button }) => {
  await navigator.clipboard.writeText(find('#curl').textContent)
  button.textContent = 'Copied'
  setTimeout(() => (button.textContent = 'Copy'), 1500)
})
showCommand()

async function ask(name) {
  const { method, body, leaves } = scenarios[name]
  const id = crypto.randomUUID()
  const client = new AbortController()
  const start = performance.now()
  ownRequests.set(id, { name })
  const isLeaving = leaves || switched('client') === 'leaves'
  const timer = isLeaving && method === 'POST' ? setTimeout(() => client.abort(), 60) : undefined
  try {
    const headers = { 'x-request-id': id }
    const response = await fetch(addressOf(name), { method, body, headers, signal: client.signal })
    const reader = response.body?.getReader()
    for (let chunks = 1; await hasMore(reader); chunks += 1) {
      if (isLeaving && chunks === 4) client.abort()
    }
    ownRequests.set(id, { name, took: performance.now() - start })
  } catch {
    ownRequests.set(id, { name, left: performance.now() - start })
  } finally {
    clearTimeout(timer)
  }
  timelines.get(id)?.draw()
}

async function hasMore(reader) {
  return reader !== undefined && !(await reader.read()).done
}

function switched(name) {
  return new FormData(form).get(name)
}

function addressOf(name) {
  const order = switched('order')
  const failure = switched('failure')
  const query = [
    ...(order ? [`order=${order}`] : []),
    ...(failure ? ['fail'] : []),
    ...(failure === 'continue' ? ['failure=continue'] : []),
  ]
  return scenarios[name].path + (query.length === 0 ? '' : `?${query.join('&')}`)
}

/** What asks the same from a terminal. */
function showCommand() {
  const { method, body, leaves } = scenarios[asked]
  const isLeaving = leaves || switched('client') === 'leaves'
  const how = [
    ...(body === undefined ? { POST: ['-X POST'], HEAD: ['--head'], GET: ['-N'] }[method] : []),
    ...(body === undefined ? [] : ["--data-binary 'some text'"]),
    ...(isLeaving ? [`--max-time ${method === 'POST' ? 0.06 : 0.7}`] : []),
  ]
  find('#curl').textContent = `curl ${how.join(' ')} '${location.origin}${addressOf(asked)}'`
  find('#order-hint').textContent = orders[switched('order')]
}

// Listening

const events = new EventSource('/events')
events.addEventListener('open', () => showConnection('live', 'live'))
events.addEventListener('error', () =>
  showConnection('lost', 'the demo has ended, start it again: npm run demo'),
)
events.addEventListener('message', ({ data }) => {
  const event = JSON.parse(data)
  clockOffset = Math.max(clockOffset, event.at - performance.now())
  if (event.type === 'hello') {
    // Perhaps another server than before, with another clock.
    clockOffset = event.at - performance.now()
    for (const timeline of timelines.values()) remove(timeline)
  } else {
    const timeline = timelines.get(event.id) ?? add(new Timeline(event))
    timeline.take(event)
  }
})

function showConnection(className, text) {
  const connection = find('#connection')
  connection.className = className
  if (connection.textContent !== text) connection.textContent = text
}

function add(timeline) {
  const previous = find('details[open]', list)
  if (previous !== null) previous.open = false
  timelines.set(timeline.id, timeline)
  list.prepend(timeline.element)
  if (timelines.size > kept) remove(timelines.values().next().value)
  if (timeline.isOwn) reveal(timeline.element)
  animate()
  return timeline
}

function remove({ id, element }) {
  timelines.delete(id)
  element.remove()
}

/** On a phone the buttons may be all there is to see. */
function reveal(element) {
  const behavior = motion.matches ? 'instant' : 'smooth'
  const { top, height } = element.getBoundingClientRect()
  if (top < 0 || top + Math.min(height, 200) > innerHeight) {
    element.scrollIntoView({ behavior, block: 'start' })
  }
}

/** Bars grow for as long as something runs, in steps for those who want less motion. */
let isAnimating = false
function animate() {
  if (isAnimating) return
  isAnimating = true
  const frame = () => {
    const live = [...timelines.values()].filter(({ isDone }) => !isDone)
    for (const timeline of live) timeline.draw()
    isAnimating = live.length > 0
    if (isAnimating && motion.matches) setTimeout(frame, 250)
    else if (isAnimating) requestAnimationFrame(frame)
  }
  frame()
}

// Drawing

class Timeline {
  element = find('#timeline').content.cloneNode(true).firstElementChild
  tasks = new Map()
  isDone = false

  constructor({ id, at, method, path, client, code }) {
    this.id = id
    this.at = at
    this.label = `${method} ${path.split('?')[0]}`
    this.isOwn = ownRequests.has(id)
    const title = `title-${id}`
    find('h3', this.element).id = title
    find('article', this.element).setAttribute('aria-labelledby', title)
    const name = document.createElement('span')
    name.className = 'path'
    name.textContent = `${method} ${readable(path)}`
    find('h3', this.element).append(name)
    find('.badges', this.element).append(badge(this.isOwn ? 'from this page' : `from ${client}`))
    this.lines = writeCode(find('code', this.element), code)
    find('details', this.element).open = true
    this.client = this.lane('client', 'part')
    this.handler = this.lane('handler', 'part')
    this.body = this.lane('body', 'part')
    say(`${this.label} from ${this.isOwn ? 'this page' : client}`)
  }

  lane(name, className) {
    const element = find('#lane').content.cloneNode(true).firstElementChild
    element.classList.add(className)
    find('.name', element).textContent = name
    find('.name', element).title = name
    find('.lanes', this.element).append(element)
    return { element, name, bars: new Map() }
  }

  take(event) {
    const at = event.at - this.at
    if (event.type === 'returned') {
      this.returnedAt = at
      this.hasBody = event.hasBody
      this.addBadge(event.status)
    } else if (event.type === 'thrown') {
      this.thrownAt = at
      this.addBadge(500)
      this.note(`The handler threw: ${event.error}`)
    } else if (event.type === 'body') {
      this.bodyAt = at
      this.bodyState = event.state
    } else if (event.type === 'client') {
      this.clientAt = at
      this.clientState = event.state
    } else if (event.type === 'outcome') {
      this.outcome = event.outcome
      const outcome = this.addBadge(event.outcome)
      outcome.classList.add('outcome', event.outcome)
      outcome.title = outcomes[event.outcome]
      say(`${this.label}: ${event.outcome}. ${outcomes[event.outcome]}`)
    } else if (event.type === 'task') {
      this.takeTask(event, at)
    }
    this.draw()
    animate()
  }

  takeTask({ task: number, name, state, error }, at) {
    const task = this.tasks.get(number) ?? { ...this.lane(name, 'task-lane'), waitingAt: at }
    this.tasks.set(number, task)
    task.state = state
    if (state === 'running') task.startedAt = at
    else if (state !== 'waiting') task.endedAt = at
    task.element.classList.remove('waiting', 'running')
    task.element.classList.add(state)
    const line = this.lines.find(({ textContent }) => textContent.includes(name))
    line?.classList.remove('running')
    line?.classList.add(state)
    if (state === 'rejected') this.note(`${name} failed: ${error}`)
    if (state === 'fulfilled' || state === 'rejected') {
      const took = duration(at - task.startedAt)
      say(`${name} ${state === 'rejected' ? `failed: ${error}` : 'done'} after ${took}`)
    }
    if (state === 'skipped') say(`${name} skipped`)
  }

  addBadge(text) {
    const element = badge(text)
    find('.badges', this.element).append(element)
    return element
  }

  note(text) {
    const element = document.createElement('li')
    element.textContent = text
    find('.notes', this.element).append(element)
  }

  /** When the response was over, for the client and for the handler. */
  get overAt() {
    const handlerAt = this.returnedAt ?? this.thrownAt
    if (handlerAt === undefined || this.clientAt === undefined) return undefined
    return Math.max(handlerAt, this.clientAt)
  }

  draw() {
    const { clientAt, overAt } = this
    const tasks = [...this.tasks.values()]
    const ends = tasks.map(({ endedAt }) => endedAt)
    this.isDone = overAt !== undefined && !ends.includes(undefined)
    find('article', this.element).ariaBusy = !this.isDone
    const now = performance.now() + clockOffset - this.at
    const latest = this.isDone ? Math.max(overAt, ...ends) : Math.max(now, 0)
    this.scale = scaleFor(latest)
    const handlerAt = this.returnedAt ?? this.thrownAt

    this.bar(this.client, '', 0, clientAt ?? latest)
    const hasLeft = this.clientState === 'left'
    this.client.element.classList.toggle('bad', hasLeft)
    this.state(
      this.client,
      clientAt === undefined ? 'waits' : `${hasLeft ? 'left' : 'last byte'} ${duration(clientAt)}`,
    )
    this.bar(this.handler, '', 0, handlerAt ?? latest)
    this.handler.element.classList.toggle('bad', this.thrownAt !== undefined)
    this.state(
      this.handler,
      handlerAt === undefined
        ? 'runs'
        : `${this.thrownAt === undefined ? 'returned' : 'threw'} ${duration(handlerAt)}`,
    )
    this.drawBody(latest)
    for (const task of tasks) this.drawTask(task, latest)
    this.drawZones()
    this.drawAxis()
    this.summarize(tasks)
  }

  drawBody(latest) {
    const { returnedAt, hasBody, bodyAt, bodyState, body } = this
    if (returnedAt !== undefined && hasBody) this.bar(body, '', returnedAt, bodyAt ?? latest)
    body.element.classList.toggle('bad', bodyState !== undefined && bodyState !== 'closed')
    if (this.thrownAt !== undefined) this.state(body, 'none')
    else if (returnedAt === undefined) this.state(body, '')
    else if (!hasBody) this.state(body, 'not asked for')
    else if (bodyAt === undefined) this.state(body, 'open')
    else this.state(body, `${bodyState} ${duration(bodyAt)}`)
  }

  drawTask(task, latest) {
    const { state, waitingAt, startedAt, endedAt } = task
    if (startedAt !== undefined) {
      this.bar(task, 'wait', waitingAt, startedAt)
      this.bar(task, 'run', startedAt, endedAt ?? latest)
    } else if (state === 'skipped') {
      this.bar(task, 'wait', waitingAt, endedAt)
      this.bar(task, 'skip', endedAt, endedAt)
    } else this.bar(task, 'wait', waitingAt, endedAt ?? latest)
    const took = duration((endedAt ?? latest) - startedAt)
    const texts = {
      waiting: 'waiting',
      running: `running ${took}`,
      fulfilled: `✓ done in ${took}`,
      rejected: startedAt === undefined ? '✗ refused' : `✗ failed in ${took}`,
      skipped: '– skipped',
    }
    this.state(task, texts[state])
  }

  drawZones() {
    const { overAt } = this
    const edge = overAt === undefined ? 100 : this.percent(overAt)
    find('.before', this.element).style.width = `${edge}%`
    find('.after', this.element).style.left = `${edge}%`
    find('.after', this.element).hidden = overAt === undefined
    find('.zones', this.element).classList.toggle('over', overAt !== undefined)
  }

  drawAxis() {
    const axis = find('.axis', this.element)
    // A label is about 70 pixels wide.
    const most = Math.min(6, axis.clientWidth / 70)
    const steps = [50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 60_000]
    const step = steps.find((candidate) => this.scale / candidate <= most) ?? 600_000
    const drawn = `${this.scale} ${step}`
    if (axis.dataset.drawn === drawn) return
    axis.dataset.drawn = drawn
    axis.replaceChildren()
    for (let at = 0; at < this.scale * 0.98; at += step) {
      const tick = document.createElement('span')
      tick.textContent = at < 1000 ? `${at} ms` : `${at / 1000} s`
      tick.style.left = `${this.percent(at)}%`
      axis.append(tick)
    }
  }

  summarize(tasks) {
    const { took, left } = ownRequests.get(this.id) ?? {}
    const who = this.isOwn ? 'Your browser' : 'The client'
    const answered = took ?? (this.clientState === 'complete' ? this.clientAt : undefined)
    const gone = left ?? (this.clientState === 'left' ? this.clientAt : undefined)
    const parts = []
    if (gone !== undefined) parts.push(`${who} left after `, bold(duration(gone)), '. ')
    else if (answered !== undefined) {
      parts.push(`${who} had its whole answer after `, bold(duration(answered)), '. ')
    }
    const ran = tasks.filter(({ startedAt }) => startedAt !== undefined)
    if (this.isDone && ran.length > 0) {
      const work = Math.max(...ran.map(({ endedAt }) => endedAt)) - this.overAt
      const count = ran.length === 1 ? 'One task' : `${ran.length} tasks`
      parts.push(`${count} ran after that, for `, bold(duration(work)), '.')
    }
    const summary = find('.summary', this.element)
    const text = parts.map((part) => part.textContent ?? part).join('')
    if (summary.textContent !== text) summary.replaceChildren(...parts)
  }

  bar(lane, kind, from, to) {
    let element = lane.bars.get(kind)
    if (element === undefined) {
      element = document.createElement('span')
      element.className = `bar ${kind}`
      lane.bars.set(kind, element)
      find('.track', lane.element).append(element)
    }
    element.style.left = `${this.percent(from)}%`
    if (kind !== 'skip') element.style.width = `${this.percent(to) - this.percent(from)}%`
  }

  state({ element }, text) {
    const state = find('.state', element)
    if (state.textContent !== text) state.textContent = text
  }

  percent(at) {
    return Math.min(100, Math.max(0, (at / this.scale) * 100))
  }
}

function badge(text) {
  const element = document.createElement('span')
  element.textContent = text
  return element
}

function bold(text) {
  const element = document.createElement('b')
  element.textContent = text
  return element
}

/** What somebody else asks may be no URI. */
function readable(path) {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

/** Grows in steps, so that bars seldom jump. */
function scaleFor(milliseconds) {
  let scale = 500
  while (scale < milliseconds * 1.04) scale = Math.ceil((scale * 1.3) / 100) * 100
  return scale
}

function duration(milliseconds) {
  // No line ends between a number and its unit.
  if (milliseconds < 9.95) return `${Math.max(0, milliseconds).toFixed(1)}\u00a0ms`
  if (milliseconds < 999.5) return `${Math.round(milliseconds)}\u00a0ms`
  return `${(milliseconds / 1000).toFixed(2)}\u00a0s`
}

/** Returns an element for each line. */
function writeCode(code, text) {
  const token =
    /(?<comment>\/\/.*)|(?<string>'[^']*'|`[^`]*`)|(?<keyword>\b(?:async|await|const|export|function|if|new|return)\b)/g
  const lines = text.trimEnd().split('\n')
  return lines.map((line) => {
    const element = document.createElement('span')
    element.className = 'code-line'
    let end = 0
    for (const match of line.matchAll(token)) {
      const [kind] = Object.entries(match.groups).find(([, found]) => found !== undefined)
      const part = document.createElement('span')
      part.className = kind
      part.textContent = match[0]
      element.append(line.slice(end, match.index), part)
      end = match.index + match[0].length
    }
    element.append(line.slice(end) || (line === '' ? '\u200b' : ''))
    code.append(element)
    return element
  })
}

/** To those who listen to the page. */
function say(text) {
  const line = document.createElement('p')
  line.textContent = text
  const log = find('#log')
  log.append(line)
  if (log.childElementCount > 30) log.firstElementChild.remove()
}
