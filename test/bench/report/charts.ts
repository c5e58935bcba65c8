// The charts of docs/performance.md: one a question, drawn from the results.
import { parse, View } from 'vega'
import { compile, type Config, type TopLevelSpec } from 'vega-lite'
import { ratioTo } from '../http/requests.ts'
import { hosts } from '../http/start.ts'
import type { Results } from '../results.ts'

/** By the name of the file. */
export function drawCharts(results: Results): Record<string, () => Promise<string>> {
  return {
    'performance-requests': () => draw(requests(results)),
    'performance-alternatives': () => draw(alternatives(results)),
    'performance-streams': () => draw(streams(results)),
    'performance-lists': () => draw(lists(results)),
  }
}

// Readable on white and on black; text and lines are turned over where the reader prefers dark.
const colors = {
  gray: '#8b949e',
  blue: '#2f81f7',
  orange: '#db6d28',
  green: '#2da44e',
  violet: '#a371f7',
}
const light = { text: '#1f2328', line: '#d1d9e0' }
const dark = { text: '#e6edf3', line: '#3d444d' }

const config: Config = {
  aria: false,
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: light.text,
    titleColor: light.text,
    gridColor: light.line,
    tickColor: light.line,
    domainColor: light.line,
    labelFontSize: 12,
    labelLimit: 0,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  legend: { labelColor: light.text, labelFontSize: 12, orient: 'top', title: null, labelLimit: 0 },
  title: { color: light.text, fontSize: 14, anchor: 'start' },
}

type Bars = readonly { readonly host: string; readonly way: string; readonly value: number }[]

function requests({ requests: rows }: Results): TopLevelSpec {
  const ways = { floor: 'the floor', 'no task': 'no task', 'sync task': 'one task' }
  const values = rows
    .filter((row) => !row.isAsync)
    .flatMap((row) => named(ways, row.host, row.way, ratioTo('bare', row, rows).median))
  return bars('What does a task cost?', 'requests for the same CPU, of the bare handler', values, [
    ['the floor', colors.gray],
    ['no task', colors.green],
    ['one task', colors.blue],
  ])
}

function alternatives({ requests: rows }: Results): TopLevelSpec {
  const ways = {
    'sync task': 'withBackgroundTasks',
    wrap: 'wrap alone',
    pipeTo: 'pipeTo (Next.js)',
    pipeThrough: 'pipeThrough',
  }
  const values = rows
    .filter((row) => !row.isAsync)
    .flatMap((row) => named(ways, row.host, row.way, ratioTo('bare', row, rows).median))
  return bars(
    'What would another way cost?',
    'requests for the same CPU, of the bare handler',
    values,
    [
      ['withBackgroundTasks', colors.blue],
      ['wrap alone', colors.violet],
      ['pipeTo (Next.js)', colors.orange],
      ['pipeThrough', colors.gray],
    ],
  )
}

function streams({ streams: rows }: Results): TopLevelSpec {
  const ways = {
    'sync task': 'withBackgroundTasks',
    wrap: 'wrap alone',
    pipeTo: 'pipeTo (Next.js)',
  }
  const values = rows
    .filter((row) => row.payload === 'long chunks')
    .flatMap((row) => named(ways, row.host, row.way, row.ofBare.median))
  return bars('What does it do to a stream?', 'MiB per second, of the bare handler', values, [
    ['withBackgroundTasks', colors.blue],
    ['wrap alone', colors.violet],
    ['pipeTo (Next.js)', colors.orange],
  ])
}

function lists({ lists: rows }: Results): TopLevelSpec {
  return {
    config,
    title: 'Do many tasks cost more each?',
    width: 560,
    height: 180,
    data: { values: rows.map(({ kind, tasks, perTask }) => ({ kind, tasks, perTask })) },
    mark: { type: 'line', point: true, strokeWidth: 2 },
    encoding: {
      x: {
        field: 'tasks',
        type: 'quantitative',
        scale: { type: 'log' },
        title: 'tasks of a list',
        axis: { values: rows.map(({ tasks }) => tasks), format: ',' },
      },
      y: { field: 'perTask', type: 'quantitative', scale: { type: 'log' }, title: 'µs a task' },
      color: {
        field: 'kind',
        type: 'nominal',
        scale: { domain: ['sync', 'async'], range: [colors.blue, colors.orange] },
      },
    },
  }
}

function named(
  ways: Readonly<Record<string, string>>,
  host: keyof typeof hosts,
  way: string,
  value: number,
): Bars {
  const title = ways[way]
  return title === undefined ? [] : [{ host: hosts[host].title, way: title, value }]
}

function bars(
  question: string,
  unit: string,
  values: Bars,
  ways: readonly (readonly [string, string])[],
): TopLevelSpec {
  const names = ways.map(([name]) => name)
  return {
    config,
    title: question,
    width: 560,
    height: { step: 11 },
    data: { values: [...values] },
    mark: { type: 'bar', cornerRadiusEnd: 2 },
    encoding: {
      y: { field: 'host', type: 'nominal', sort: null, title: null },
      yOffset: { field: 'way', type: 'nominal', sort: names },
      x: { field: 'value', type: 'quantitative', title: unit, axis: { tickCount: 5 } },
      color: {
        field: 'way',
        type: 'nominal',
        sort: names,
        scale: { domain: names, range: ways.map(([, color]) => color) },
      },
    },
  }
}

async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  // A tenth of a pixel is enough, and the next run does not change every digit.
  const rounded = svg.replaceAll(/\d+\.\d{2,}/g, (digits) =>
    String(Number(Number(digits).toFixed(1))),
  )
  return `${rounded.replace(/(<svg[^>]*>)/, `$1${darkStyle}`)}\n`
}

const darkStyle = `<style>@media (prefers-color-scheme: dark) {
  [fill="${light.text}"] { fill: ${dark.text} }
  [stroke="${light.line}"] { stroke: ${dark.line} }
}</style>`
