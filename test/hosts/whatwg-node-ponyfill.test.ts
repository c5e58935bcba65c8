import { testHost } from './suite.ts'

testHost('whatwg-node-ponyfill')
