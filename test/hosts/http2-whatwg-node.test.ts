import { testHost } from './suite.ts'

testHost('http2-whatwg-node')
