import {$, age, badge, bus, button, customerName, due, get, h, hashOf, head, isAdmin, link, many, nameOf, normal, on, OPEN, pager, payment, post, say, scope, state, STATUSES, STEPS, swap, tabs, title, total, VERBS} from './page.js'

const TABS = ['open', ...STATUSES, 'all']
const REST_MS = 5000

export let last = '#/orders'

export default function page({main, query}) {
	let orders = [], next, turn = 0, arrived = 0, touched = 0, beats = 0, isStale, came, counts = {}, counting
	const rows = new Map(), fresh = new Set()
	const strip = h('div'), news = h('p.news', {'aria-live': 'polite'}), foot = h('div'), body = h('tbody')
	const search = h('input', {type: 'search', 'aria-label': 'Search orders', placeholder: 'Name, phone, email, reference', value: query.q, input: () => {
		clearTimeout(search.timer)
		search.timer = setTimeout(() => update({...query, q: search.value.trim(), after: '', at: ''}), 200)
	}})
	const sound = h('input', {type: 'checkbox', checked: localStorage.sound === 'on', change: () => { localStorage.sound = sound.checked ? 'on' : 'off'; beep() }})
	const grid = h('table.orders', {'aria-label': 'Orders'}, head('Order,Status,Age,Customer,Due,Payment,Items,Total,Next step'), body)
	main.replaceChildren(title('Orders'), h('div.bar', search, isAdmin() && h('label', sound, ' Sound'), news, link('#/new', 'New order', {class: 'button'})), strip, grid, foot)

	const tab = () => TABS.includes(query.status) ? query.status : 'open'
	const shown = () => tab() === 'open' ? OPEN : tab() === 'all' ? STATUSES : [tab()]
	// A queue is worked from its oldest; what is closed is looked up from its newest.
	const isQueue = () => shown().every(it => OPEN.includes(it))
	const keep = () => { last = hashOf('orders', query); history.replaceState(null, '', last) }

	function update(to) {
		query = to
		keep()
		if (search !== document.activeElement) search.value = query.q ?? ''
		fresh.clear()
		arrived = 0
		news.replaceChildren()
		orders = []
		swap(foot, state('Loading…'))
		paintTabs()
		load()
	}

	async function load() {
		const mine = ++turn, isFirst = !orders.length
		isStale = false
		touched = performance.now()
		came = []
		try {
			const found = await get('orders/', {status: tab() !== 'all' && shown().join(), q: query.q, limit: 50, order: isQueue() ? 'asc' : 'desc', after: query.after})
			if (mine !== turn) return
			orders = found.orders.map(normal)
			next = found.next
			paint()
			// What the feed brought while the list was on its way.
			came.forEach(take)
			came = null
			if (isFirst && query.at) $(`#o${+query.at}`)?.focus()
		} catch (fault) {
			came = null
			swap(foot, state(fault.message, ' ', button('Try again', load)))
		}
	}

	function paint() {
		const wanted = new Set(orders.map(it => it.id))
		for (const [id, row] of rows) {
			if (wanted.has(id)) continue
			if (row.contains(document.activeElement)) $('a', row.nextSibling ?? row.previousSibling ?? main)?.focus()
			row.remove()
			rows.delete(id)
		}
		let at = body.firstChild
		for (const it of orders) {
			const row = fill(it)
			if (row === at) at = at.nextSibling
			else body.insertBefore(row, at)
		}
		grid.hidden = !orders.length
		const kind = tab() === 'all' ? '' : `${tab()} `
		// One call looks at 10,000 orders, and may find none among them.
		swap(foot, !orders.length && state(next ? 'Nothing so far.' : query.q ? ['Nothing matches here. ', kind && link(hashOf('orders', {status: 'all', q: query.q}), 'Search all orders')] : `No ${kind}orders.`),
			pager('orders', {...query, at: ''}, next))
	}

	function fill(it) {
		const {id} = it, name = nameOf(it), step = isAdmin() && !it.isSimple && STEPS[it.status]?.[0], items = it.line_items.map(many).join(', ')
		let row = rows.get(id)
		if (row?.order === it) return row
		if (!row) {
			const see = () => fresh.delete(id) && row.classList.remove('fresh')
			rows.set(id, row = h('tr', {pointermove: see, focusin: see, pointerdown: ({target}) => { row.pressed = target },
				click: ({target}) => [target, row.pressed].some(it => it?.closest('a,button')) || String(getSelection()) || $('a', row).click()}))
		}
		row.order = it
		row.classList.toggle('fresh', fresh.has(id))
		row.classList.toggle('moved', !shown().includes(it.status))
		swap(row, [link(`#/orders/${id}`, name, {id: `o${id}`, click: () => { query = {...query, at: id}; keep() }}), badge(it.status), age(it.created_at), customerName(it), due(it), payment(it), items, total(it),
			step && button(VERBS[step], event => event.detail < 2 && advance(row.order, step), {id: `n${id}`, 'aria-label': `${VERBS[step]} ${name}`})].map((cell, n) => h('td', {title: n === 6 && items}, cell)))
		return row
	}

	async function advance(it, status) {
		try {
			change(normal(await post(`orders/${it.id}/status`, {status}, {match: it.version})))
		} catch (fault) {
			if (fault.status !== 409 && fault.status !== 412) return say(fault.message, true)
			const now = normal(await get(`orders/${it.id}`))
			change(now)
			say(`${fault.message}. ${nameOf(now)} is ${now.status} now.`, true)
		}
	}

	function change(it) {
		const at = orders.findIndex(({id}) => id === it.id), isHere = at >= 0
		if (isHere && it.version >= orders[at].version) {
			orders[at] = it
			fill(it)
		}
		isStale ||= shown().includes(it.status) !== isHere
		return isHere
	}

	/** Takes an event in; gives an order that is new. */
	function take({type, data}) {
		const it = normal(data.order)
		if (change(it) || type !== 'order.created') return
		if (shown().includes(it.status) && isQueue() && !query.q && !next) {
			fresh.add(it.id)
			orders.push(it)
			paint()
		}
		return it
	}

	function announce(it) {
		swap(news, h('b', ++arrived > 1 ? `${arrived} new, the last: ` : 'New: '), link(`#/orders/${it.id}`, [nameOf(it), customerName(it), total(it)].filter(Boolean).join(' · ')))
		if (sound.checked) beep()
	}

	function paintTabs() {
		swap(strip, tabs('Status', TABS, it => [it, counts[it] >= 0 && h('b', ` ${counts[it]}`)], tab(), status => hashOf('orders', {status, q: query.q})))
	}
	async function count() {
		if (isAdmin()) counts = await get('orders/counts').catch(() => counts)
		counts.open = counts.pending + counts.processing + counts.ready
		paintTabs()
	}

	on(bus, 'event', ({detail}) => {
		came?.push(detail)
		const it = take(detail)
		if (it) announce(it)
		clearTimeout(counting)
		counting = setTimeout(count, 150)
	}, scope)
	on(bus, 'tick', () => { load(); count() }, scope)
	on(document, 'pointermove pointerdown keydown wheel', () => { touched = performance.now() }, scope)
	const resting = setInterval(() => {
		if (document.hidden || performance.now() - touched < REST_MS) return
		if (isStale) load()
		else if (++beats % 20 === 0) for (const it of orders) fill({...it})
	}, 1000)
	on(scope.signal, 'abort', () => clearInterval(resting))
	update(query)
	count()
	return update
}

let audio
function beep() {
	audio ??= new AudioContext()
	const tone = audio.createOscillator(), volume = audio.createGain()
	volume.gain.setValueAtTime(0.2, audio.currentTime)
	volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4)
	tone.connect(volume).connect(audio.destination)
	tone.start()
	tone.stop(audio.currentTime + 0.4)
}
