import {bus, given, on, once, post, queryOf, scope, tell} from './api.js'

export const $ = (selector, root = document) => root.querySelector(selector)

const isThere = it => it != null && it !== false

export function h(kind, ...rest) {
	const [tag, ...classes] = kind.split('.')
	const space = /svg|line/.test(tag) ? '2000/svg' : '1999/xhtml'
	const node = document.createElementNS(`http://www.w3.org/${space}`, tag)
	const props = rest[0]?.constructor === Object ? rest.shift() : {}
	if (classes.length) props.class = classes.join(' ')
	for (const [name, value] of Object.entries(props)) {
		if (!isThere(value)) continue
		if (value.call) {
			node.addEventListener(name, value)
			node.listens = true
		} else if (name === 'value') node.value = value
		else node.setAttribute(name, value === true ? '' : value)
	}
	node.append(...rest.flat(9).filter(isThere))
	return node
}

const controls = node => [...node.querySelectorAll('a,button,[tabindex]')]

// What is the same stays: a click ends on the button on which it began, and a selection lasts.
export function swap(node, ...children) {
	const active = document.activeElement
	const at = controls(node).indexOf(active)
	merge(node, [...h('div', ...children).childNodes])
	if (at >= 0 && !active.isConnected)
		(document.getElementById(active.id) ?? controls(node)[at] ?? $('main')).focus({preventScroll: true})
}

function merge(node, wanted) {
	wanted.forEach((it, n) => {
		const old = node.childNodes[n]
		const isLike = old?.cloneNode().isEqualNode(it.cloneNode()) && !old.listens && !it.listens
		if (!old) node.append(it)
		else if (old.isEqualNode(it)) return
		else if (isLike) merge(old, [...it.childNodes])
		else old.replaceWith(it)
	})
	while (node.childNodes[wanted.length]) node.lastChild.remove()
}

export const button = (text, click, props) => h('button', {type: 'button', click, ...props}, text)
export const link = (href, text, props) => h('a', {href, ...props}, text)
export const choice = (href, text, isHere) => link(href, text, {'aria-current': isHere && 'page'})
export const state = (...children) => h('p.state', children)
export const retry = (fault, again) => state(fault.message, ' ', button('Try again', again))
export const section = (title, ...children) => h('section.card', h('h2', title), children)
export const facts = all => h('dl.facts', given(all).map(([name, it]) => h('div', h('dt', name), h('dd', it))))

export const head = names => h('thead', h('tr', names.split(',').map(it => h('th', {scope: 'col'}, it))))
export const row = (cells, props = {}) => h('tr', props, cells.map(it => h('td', it)))
export const table = (label, names, rows, foot) => rows.length === 0 ? state(`No ${label.toLowerCase()}.`)
	: h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': label},
		h('table', head(names), h('tbody', rows.map(it => row(it))), foot))

export function say(text, isFault) {
	const note = $('#note')
	const close = () => note.replaceChildren()
	clearTimeout(say.timer)
	note.replaceChildren(h(isFault ? 'p.fault' : 'p', text, button('Close', close, {class: 'plain'})))
	if (!isFault) say.timer = setTimeout(close, 6000)
}

export function dialog(text, ...children) {
	const box = h('dialog', {'aria-label': text, close: () => box.remove()}, h('h2', text), children)
	document.body.append(box)
	box.showModal()
	return box
}
export const closable = (text, content, ...actions) => dialog(text, content,
	h('form', {method: 'dialog'}, h('p.buttons', actions, h('button', 'Close'))))

async function ask(question, verb) {
	const box = closable(question, [], h('button.danger', {value: 'yes'}, verb))
	await once(box, 'close')
	return box.returnValue === 'yes'
}

export const secret = (name, text) => closable(name,
	[h('p', 'It is shown this once: copy it to where it is needed.'), h('code.secret', {tabindex: 0}, text)])

export function every(ms, run) {
	const timer = setInterval(() => document.hidden || run(), ms)
	on(scope.signal, 'abort', () => clearInterval(timer))
}

export const draw = (...nodes) => $('main').replaceChildren(...nodes)

export function show(above, load, view, everyMs) {
	const {signal} = scope
	const place = h('div', state('Loading…'))
	let turn = 0
	function run() {
		const mine = ++turn
		const using = view => it => mine === turn && !signal.aborted && swap(place, view(it))
		load().then(using(view), using(fault => retry(fault, run)))
	}
	draw(...above, place)
	on(bus, 'tick', run, scope)
	if (everyMs) every(everyMs, run)
	run()
}

export const decimals = (name, label, value) => [name, 'text', {label, value, inputmode: 'decimal'}]
export const plain = text => text?.replaceAll('_', ' ')
export const go = hash => { location.hash = hash }
export const hashOf = (path, query) => `#/${path}?${queryOf(query)}`

export const tabs = (label, keys, current, hash, text = it => it) => h('nav.tabs', {'aria-label': label},
	keys.map(key => choice(hash(key), text(key), key === current)))

export const pager = (path, query, next) => (query.after || next) && h('p.buttons',
	query.after && link(hashOf(path, {...query, after: ''}), '« First page', {class: 'button'}),
	next && link(hashOf(path, {...query, after: next}), 'Next »', {class: 'button', id: 'next'}))

export function act(text, path, {sure, said, of, then = () => tell('tick'), ...props} = {}) {
	async function run(event) {
		if (event.detail > 1 || (sure && !await ask(sure, text))) return
		try {
			const answer = await (path.call ? path() : post(path))
			if (said) say(said)
			then(answer)
		} catch (fault) {
			say(fault.message, true)
		}
	}
	const label = of ? `${text} ${of}` : text
	return button(text, run, {id: path.call ? label : path, 'aria-label': label, class: sure && 'danger', ...props})
}

export const searchBox = (what, placeholder, value, run) => h('input', {type: 'search', 'aria-label': `Search ${what}`,
	placeholder, value, input: ({target}) => run(target.value.trim())})

let ids = 0

export function field(it) {
	if (!it.map) return it
	const [name, type = 'text', {label = plain(name.split('.').pop()), hint, value, ...rest} = {}] = it
	const id = `i${++ids}`
	return h(type === 'checkbox' ? 'div.field.check' : 'div.field', h('label', {for: id}, label, hint && ` (${hint})`),
		control(type, value, {id, name, 'aria-describedby': `${id}f`, ...rest}), h('p.fault', {id: `${id}f`}))
}

function control(type, value, props) {
	if (type === 'textarea') return h('textarea', {rows: 2, ...props, value})
	if (type === 'checkbox') return h('input', {...props, type, checked: value})
	if (!type.map) return h('input', {autocomplete: 'off', ...props, type, value})
	return h('select', props, type.map(it => h('option', {value: it, selected: it === value}, plain(it) || '–')))
}

function values(form) {
	const all = {}
	for (const {name, type, checked, value} of form.elements) {
		if (!name || !value) continue
		const parts = name.split('.')
		const last = parts.pop()
		parts.reduce((at, part) => at[part] ??= {}, all)[last] = type === 'checkbox' ? checked : value
	}
	return all
}

export function form(children, verb, submit, {danger, more, ...props} = {}) {
	const go = h(danger ? 'button.danger' : 'button.primary', verb)
	const trouble = h('p.fault', {role: 'alert'})
	const node = h('form', {novalidate: true, ...props, submit: run}, children.map(field), trouble,
		h('p.buttons', go, more))

	async function run(event) {
		event.preventDefault()
		if (go.ariaDisabled) return
		go.ariaDisabled = true
		for (const it of node.querySelectorAll('.fault')) it.textContent = ''
		for (const it of node.elements) it.ariaInvalid = null
		try {
			await submit(values(node))
		} catch (fault) {
			trouble.textContent = fault.fields?.map(blame).join('') ?? fault.message
			$('[aria-invalid]', node)?.focus()
			if (fault.status === 429) return countDown(fault.retryAfter)
		}
		free()
	}
	function blame([name, text]) {
		const control = node.elements[name]
		if (!control) return `${name}: ${text}. `
		control.ariaInvalid = true
		control.nextSibling.textContent = text
		return ''
	}
	function countDown(seconds) {
		go.textContent = `Again in ${seconds} s`
		if (seconds > 0) return setTimeout(countDown, 1000, seconds - 1)
		trouble.textContent = ''
		free()
	}
	function free() {
		go.ariaDisabled = null
		go.textContent = verb
	}
	return node
}

export function fold(text, fields, submit, {then, ...props} = {}) {
	const node = h('details.fold', {toggle: () => node.open && open()}, h('summary', text))
	function open() {
		if (!node.children[1]) node.append(form(fields.call ? fields() : fields, text, run, props))
		$('input,select,textarea', node).focus()
	}
	async function run(given) {
		const answer = await submit(given)
		node.open = false
		node.lastChild.remove()
		node.firstChild.focus()
		then?.(answer)
		tell('tick')
	}
	return node
}
