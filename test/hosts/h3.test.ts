import { testHost } from './suite.ts'

testHost('h3')
