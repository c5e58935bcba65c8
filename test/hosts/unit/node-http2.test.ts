import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { observeHttp2 } from '../../../src/hosts/node-http2.ts'
import { WatchedExchange } from '../../support/watched-exchange.ts'

/** The stream of a response of `node:http2`, which the response closes with. */
class Stream extends EventEmitter {
  destroyed = false
  closed = false
  aborted = false
  errored: (Error & { code?: string }) | null = null
  writableFinished = false
  endAfterHeaders = true
  writableLength = 0
  sentHeaders = { 'content-length': '5' }
  session: { destroyed: boolean } | undefined = { destroyed: false }
}

/** With so many bytes of its length out, and so many in the stream. */
function streamWith(bytesWritten: number, writableLength: number): Stream {
  const stream = Object.assign(new Stream(), { writableLength })
  Reflect.set(stream, Symbol('kHandle'), { bytesWritten })
  return stream
}

/** What the exchange is told, and the close of the response. */
function observe(stream: Stream): { ends: unknown[][]; close: () => void } {
  const exchange = new WatchedExchange()
  const response = new EventEmitter()
  observeHttp2(stream, response, exchange)
  const close = (): void => {
    stream.destroyed = true
    response.emit('close')
  }
  return { ends: exchange.ends, close }
}

const closed = ['closed', undefined]
const gone = [
  'cancelled',
  expect.objectContaining({ name: 'AbortError', message: 'The client went away' }),
]
const broken = new Error('broken')
const reset = Object.assign(new Error('reset'), { code: 'ERR_HTTP2_STREAM_ERROR' })

describe('observeHttp2()', () => {
  it.each<[string, Partial<Stream>, unknown[]]>([
    ['sent', { writableFinished: true }, closed],
    // The response says that it has finished.
    ['cut after its end', { writableFinished: true, aborted: true }, gone],
    ['cut', {}, gone],
    ['failed', { errored: broken }, ['errored', broken]],
    ['reset by the client', { errored: reset }, gone],
    // Node gives it to all streams of the connection.
    ['cut with its connection', { errored: broken, session: { destroyed: true } }, gone],
  ])('tells what came of it: %s', (_, state, end) => {
    const stream = new Stream()
    const { ends, close } = observe(stream)
    expect(ends).toEqual([])
    if (stream.session) Object.assign(stream.session, state.session)
    Object.assign(stream, { ...state, session: undefined })
    close()
    expect(ends).toEqual([end])
  })

  // curl resets the stream on the last byte: whole downloads counted as cancelled.
  it.each([
    ['all of its length is out', 5, 0, closed],
    ['some of it is not', 4, 0, gone],
    ['some of it waits for the client', 5, 1, gone],
  ])('goes by the content-length where the client resets it: %s', (_, written, waiting, end) => {
    const stream = streamWith(written, waiting)
    const { ends, close } = observe(stream)
    Object.assign(stream, { aborted: true })
    stream.emit('aborted')
    close()
    expect(ends).toEqual([end])
  })

  it('tells at once of one that was over before', () => {
    expect(observe(Object.assign(new Stream(), { destroyed: true })).ends).toEqual([gone])
  })

  // Its response never closes before Node 26: drain() waited for good.
  it('hears of a reset without an error while the last bytes wait', () => {
    const stream = new Stream()
    const { ends } = observe(stream)
    stream.emit('end')
    expect(ends).toEqual([])
    stream.closed = true
    stream.emit('end')
    expect(ends).toEqual([gone])
  })
})

describe('observeHttp2() of an answer that came before the end of its request', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  // Its stream closes with the upload, whenever that may be: an early 413 ran no task.
  it('is over a moment after it is out', () => {
    const stream = Object.assign(new Stream(), { endAfterHeaders: false })
    const { ends } = observe(stream)
    stream.emit('finish')
    expect(ends).toEqual([])
    vi.runAllTimers()
    expect(ends).toEqual([closed])
  })

  it('is left to its close where that says that it was cut', () => {
    const stream = Object.assign(new Stream(), { endAfterHeaders: false })
    const { ends, close } = observe(stream)
    stream.emit('finish')
    Object.assign(stream, { aborted: true, writableFinished: true })
    vi.runAllTimers()
    expect(ends).toEqual([])
    close()
    expect(ends).toEqual([gone])
  })
})
