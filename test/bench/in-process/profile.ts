// Requests of one way on a fake host, for `node --cpu-prof`: `profile.ts <way> [async] [requests]`.
import { serveRequests } from './fake-host.ts'

const [way = 'sync task', handler = 'sync', requests = '1000000'] = process.argv.slice(2)
const serve = await serveRequests({ way, isAsync: handler === 'async', payload: 'constant' })
await serve(Number(requests))
