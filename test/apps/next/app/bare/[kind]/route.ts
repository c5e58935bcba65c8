import type { NextRequest } from 'next/server'
import { answer, type RouteContext } from '../../../lib/answer'

export async function GET(request: NextRequest, { params }: RouteContext): Promise<Response> {
  const { kind } = await params
  return answer(kind, request.nextUrl.searchParams.get('id') ?? kind, request)
}

export { GET as POST }
