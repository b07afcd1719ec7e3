export const bus = new EventTarget()
export const on = (target, names, run, options) => names.split(' ').forEach(name => target.addEventListener(name, run, options))
export const once = (target, name) => new Promise(done => on(target, name, done, {once: true}))
export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, {detail}))

export let session = JSON.parse(sessionStorage.getItem('orderd'))
export const isAdmin = () => session?.user.role === 'admin'
export const isKey = () => session?.key
export function setSession(value) {
	session = value
	sessionStorage.setItem('orderd', JSON.stringify(value))
}

// What a page that is gone waits for never comes: it draws nothing any more.
const NEVER = new Promise(() => {})
export const scope = {}
let renewing = null

export class Fault extends Error {
	constructor(status, body, retryAfter) {
		const detail = body?.detail, fields = Array.isArray(detail) ? detail.map(({loc, msg}) => [loc.slice(1).join('.'), msg]) : null
		super(fields ? fields.map(it => it.join(': ')).join('. ') : sentence(status, detail, retryAfter))
		Object.assign(this, {status, body, retryAfter, fields})
	}
}
export const invalid = (name, msg) => new Fault(422, {detail: [{loc: ['', name], msg}]})
function sentence(status, detail, retryAfter) {
	if (status === 0) return 'The server can’t be reached. Nothing typed is lost.'
	if (status === 404) return 'There is no such thing here.'
	if (status === 412) return 'Somebody else has changed it meanwhile'
	if (status === 429) return `Too many at once. Again in ${retryAfter} s.`
	if (/unknown/.test(detail)) return 'It may have been done or not: look before you try again.'
	if (status === 503) return 'The server is busy. Nothing was done: try again.'
	return detail ?? `The server answered ${status}.`
}

let isLost = false
function lost() {
	if (!isLost) probe(500)
	isLost = true
	tell('lost')
}
const probe = pause => setTimeout(async () => {
	try {
		if ((await fetch('../livez', {cache: 'no-store'})).status >= 500) throw 0
		isLost = false
		tell('found')
		tell('tick')
	} catch { probe(Math.min(pause * 2, 5000)) }
}, pause)
export const reachable = () => isLost && once(bus, 'found')

export let ahead = 0
export const now = () => Date.now() + ahead

async function reach(method, path, {headers, body, signal, token}) {
	let response
	try {
		response = await fetch(`../${path}`, {method, signal, cache: 'no-store', credentials: 'omit', body: body && JSON.stringify(body),
			headers: {...headers, ...(token && {Authorization: `Bearer ${token}`}), ...(body && {'Content-Type': 'application/json'})}})
	} catch (error) {
		if (error.name === 'AbortError') return NEVER
	}
	if (!response || response.status === 502 || response.status === 504) {
		lost()
		throw new Fault(0)
	}
	const by = Date.parse(response.headers.get('date')) - Date.now()
	// The header has whole seconds.
	ahead = Math.abs(by) > 2000 ? by : 0
	return response
}

export async function request(method, path, options = {}) {
	for (;;) {
		const token = session?.token, response = await reach(method, path, {token, ...options})
		if (response.ok) return response
		if (response.status !== 401 || 'token' in options) throw new Fault(response.status, await response.json().catch(() => null), Number(response.headers.get('retry-after')) || 1)
		if (session?.token === token) await (renewing ??= scope.renew().finally(() => { renewing = null }))
	}
}

async function json(...call) {
	const response = await request(...call)
	return response.status === 204 ? null : response.json().catch(error => error.name === 'AbortError' ? NEVER : Promise.reject(new Fault(0)))
}

export const queryOf = params => new URLSearchParams(Object.entries(params).filter(([, it]) => it || it === 0))
export const get = (path, params = {}, options) => json('GET', `${path}?${queryOf(params)}`, {signal: scope.signal, ...options})

export const post = (path, body, {match, key, ...options} = {}) => json('POST', path,
	{body, headers: {...(match && {'If-Match': `"${match}"`}), ...(key && {'Idempotency-Key': key})}, ...options})

export function keeper() {
	let last, key
	return body => {
		const text = JSON.stringify(body)
		if (text !== last) key = crypto.getRandomValues(new Uint32Array(4)).join('-')
		last = text
		return key
	}
}
