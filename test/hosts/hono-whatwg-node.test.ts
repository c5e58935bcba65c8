import { testHost } from './suite.ts'

testHost('hono-whatwg-node')
