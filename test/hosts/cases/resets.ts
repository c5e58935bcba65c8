import { constants } from 'node:http2'
import { type Case, untilStarted } from './case.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants
const forms = ['with', 'provide'] as const
const codes = {
  'no error': NGHTTP2_NO_ERROR,
  cancel: NGHTTP2_CANCEL,
  'internal error': NGHTTP2_INTERNAL_ERROR,
}

/** Streams of HTTP/2 that the client resets, while the connection goes on. */
export const resets: readonly Case[] = [
  ...Object.entries(codes).flatMap(([name, code]): Case[] => [
    {
      // Node told of no close at all when the code was 0.
      name: `reset with ${name}, the rest waits`,
      forms,
      isLarge: true,
      standard: { outcome: 'cancelled' },
      async measure(server, form) {
        const { id, exchange } = await server.send(form, '20 MB')
        await exchange.received(1)
        exchange.pause()
        await server.turns(5)
        exchange.reset(code)
        const { outcome } = await server.until('task-start', id)
        exchange.destroy()
        return { outcome }
      },
    },
    {
      // It counted as closed when the code was 0.
      name: `reset with ${name}, midway`,
      forms,
      standard: { outcome: 'cancelled' },
      async measure(server, form) {
        const { id, exchange } = await server.send(form, 'mid-stream')
        await exchange.received(20)
        exchange.reset(code)
        const { outcome } = await untilStarted(server, id)
        exchange.destroy()
        return { outcome }
      },
    },
    {
      name: `reset with ${name}, before the return`,
      forms,
      standard: { outcome: 'cancelled' },
      async measure(server, form) {
        const { id, exchange } = await server.send(form, 'late string')
        await server.until('handling', id)
        exchange.reset(code)
        await server.turns(3)
        await server.open(`${id}/return`)
        const { outcome } = await server.until('task-start', id)
        exchange.destroy()
        return { outcome }
      },
    },
  ]),
  {
    // Node gives the error of the connection to each of its streams.
    name: 'connection reset, midway',
    forms,
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'mid-stream')
      await exchange.received(20)
      exchange.breakOff()
      const { outcome } = await untilStarted(server, id)
      return { outcome }
    },
  },
  {
    name: 'connection reset, before the return',
    forms,
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'late string')
      await server.until('handling', id)
      exchange.breakOff()
      await server.turns(3)
      await server.open(`${id}/return`)
      const { outcome } = await server.until('task-start', id)
      return { outcome }
    },
  },
  {
    // All of it has been handed to Node, and little of it has left.
    name: 'reset, most of a length waits',
    forms,
    isLarge: true,
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, '20 MB, a length')
      await exchange.received(1)
      exchange.pause()
      await server.turns(5)
      exchange.reset()
      const { outcome } = await server.until('task-start', id)
      exchange.destroy()
      return { outcome }
    },
  },
  {
    // As curl does.
    name: 'reset with the last byte of a length',
    forms,
    standard: { outcome: 'closed' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'late close')
      await exchange.receivedText('hello world')
      exchange.reset()
      const { outcome } = await untilStarted(server, id)
      exchange.destroy()
      return { outcome }
    },
  },
  {
    // The request never ends then, and neither does its stream.
    name: 'answered early, the client uploads',
    forms,
    standard: { outcome: 'closed' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'answered early', { upload: 1_000_000 })
      await exchange.receivedText('too large')
      const { outcome } = await server.until('task-start', id)
      exchange.destroy()
      return { outcome }
    },
  },
]
