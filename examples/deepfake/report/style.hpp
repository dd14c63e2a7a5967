// SPDX-License-Identifier: MIT
#pragma once

namespace deepfake {

/// The report's style sheet. Colours are those of Okabe and Ito, which stay apart for colour-blind
/// readers, lightened for dark screens; print is always light.
inline constexpr char style_sheet[] = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--muted:#5c6670;--rule:#d8dde2;
--wash:#f4f6f8;--notice:#fdf3dc;--notice-ink:#5f4200;
--s0:#4a5159;--s1:#0072b2;--s2:#d55e00;--s3:#009e73;--s4:#b85c92;--s5:#d08a00;--s6:#3a9bd9;
--s7:#7a5cc0;--above:#0072b2;--below:#d55e00}
@media screen and (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e4e7ea;--muted:#9aa4ae;
--rule:#343a40;--wash:#1d2024;--notice:#3a2f14;--notice-ink:#f2dca6;
--s0:#aab2ba;--s1:#4ea6e6;--s2:#f08a4b;--s3:#2fbf93;--s4:#e08bbb;--s5:#f0b43c;--s6:#93d2f7;
--s7:#ab95ea;--above:#2f8fd0;--below:#d9722e}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);line-height:1.5;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif}
.notice{margin:0;max-width:none;padding:.6rem 1.5rem;background:var(--notice);color:var(--notice-ink);
text-align:center;font-weight:600;print-color-adjust:exact;-webkit-print-color-adjust:exact}
header,main,footer{max-width:70rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.2rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.015em}
h2{font-size:1.3rem;margin:0 0 .3rem;letter-spacing:-.01em}
h3{font-size:1rem;margin:1.6rem 0 .4rem}
p{margin:.3rem 0 .8rem;max-width:50rem}p,li,dd{overflow-wrap:anywhere}
.muted,figcaption,caption{color:var(--muted)}
section{padding:1.6rem 0;border-top:1px solid var(--rule)}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:.9rem 0 1.2rem;font-size:.92rem}
a{color:var(--s1);text-decoration:none}a:hover{text-decoration:underline}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.9rem;margin:1rem 0}
.card{background:var(--wash);border:1px solid var(--rule);border-radius:.5rem;padding:.8rem 1rem}
.card b{display:block;font-size:1.7rem;line-height:1.2;font-weight:600;
font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.card span{font-size:.85rem;color:var(--muted)}
.scroll{overflow-x:auto;margin:.6rem 0 1rem}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.4rem;font-size:.9rem;font-weight:600;color:var(--ink)}
th,td{padding:.38rem .55rem;text-align:left;vertical-align:baseline;white-space:nowrap}
th{white-space:normal;font-weight:600;font-size:.82rem;line-height:1.25;color:var(--muted);border-bottom:1.5px solid var(--ink);
vertical-align:bottom}
td{border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{padding-left:0}
.scroll>table th:first-child,.scroll>table td:first-child{position:sticky;left:0;background:var(--paper)}
.scroll>table tr.differs td:first-child{background:var(--wash)}
td.wrap{white-space:normal;overflow-wrap:anywhere;min-width:9rem}
.num{text-align:right}
.best{font-weight:700}
.trained{color:var(--muted);font-style:italic}
.group{border-left:1px solid var(--rule)}
tr.differs td{background:var(--wash)}
.flag{color:var(--s2);font-weight:700}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(15.5rem,1fr));gap:1.1rem 1.3rem}
.panels.wide{grid-template-columns:repeat(auto-fit,minmax(19rem,1fr))}
figure{margin:0;break-inside:avoid}
figcaption{font-size:.88rem;font-weight:600;color:var(--ink);margin-bottom:.2rem}
figcaption span{font-weight:400;color:var(--muted)}
svg{display:block;width:100%;height:auto;overflow:visible;
font-family:inherit;font-variant-numeric:tabular-nums}
.scroll svg{width:auto}
svg .grid{stroke:var(--rule);stroke-width:.7}
svg .break{fill:none;stroke:var(--muted);stroke-width:1.2}
svg .axis{stroke:var(--muted);stroke-width:1}
svg .tick{font-size:10.5px;fill:var(--muted)}
svg .label{font-size:11.5px;fill:var(--ink)}
svg .chance{stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3}
svg .curve{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
svg .dot{fill:var(--c);stroke:none}svg .spot{fill:transparent;stroke:none}
svg .faint{stroke-width:1;opacity:.25;stroke-dasharray:none}
svg .bars{stroke-width:1.4;fill-opacity:.28;stroke-linejoin:round}
svg .real{fill:var(--s1);stroke:var(--s1)}
svg .fake{fill:var(--s2);stroke:var(--s2);stroke-dasharray:4 2}
svg .above{fill:var(--above)}svg .below{fill:var(--below)}
svg .outlined{stroke:var(--ink);stroke-width:1.6}
svg .value{font-size:12px;fill:var(--ink)}svg .value.strong{fill:#fff}
.c0{--c:var(--s0)}.c1{--c:var(--s1)}.c2{--c:var(--s2)}.c3{--c:var(--s3)}.c4{--c:var(--s4)}
.c5{--c:var(--s5)}.c6{--c:var(--s6)}.c7{--c:var(--s7)}
svg .d1{stroke-dasharray:7 3}svg .d2{stroke-dasharray:2 3.2}svg .d3{stroke-dasharray:9 3 2 3}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1.2rem;list-style:none;margin:.5rem 0 .8rem;
padding:0;font-size:.88rem}
.legend svg{display:inline-block;width:26px;height:8px;margin-right:.45rem;vertical-align:middle}
.legend .swatch{display:inline-block;width:14px;height:10px;margin-right:.4rem;border:1.5px solid;
border-radius:2px}
.swatch.real{border-color:var(--s1)!important;background:color-mix(in srgb,var(--s1) 28%,transparent)}
.swatch.fake{border-color:var(--s2)!important;border-style:dashed!important;
background:color-mix(in srgb,var(--s2) 28%,transparent)}
details{margin:.7rem 0}
summary{cursor:pointer;font-weight:600;padding:.2rem 0}
.examples{display:flex;flex-wrap:wrap;gap:1.4rem 2.4rem}
.examples table{font-size:.82rem}
.examples th{text-align:center;border-bottom:0;padding:.1rem .3rem}
.examples td{border:0;padding:.2rem .3rem;text-align:center}
.examples th:first-child,.examples td:first-child{padding-left:0}
.examples img{display:block;margin:0 auto;width:96px;height:96px;border-radius:4px}
.examples small{color:var(--muted)}
.examples small.wrong{color:var(--s2);font-weight:600}
.gradcam{display:flex;flex-wrap:wrap;gap:.9rem 1.1rem;margin:.3rem 0 1rem}
.gradcam img{display:block;height:96px;width:auto;max-width:100%;border-radius:4px}
.gradcam small{color:var(--muted)}.gradcam small.wrong{color:var(--s2);font-weight:600}
dl{display:grid;grid-template-columns:minmax(8rem,13rem) 1fr;gap:.45rem 1.4rem;font-size:.92rem}
dt{font-weight:600}dd{margin:0;max-width:46rem}
footer{padding-top:1rem;padding-bottom:2.5rem;color:var(--muted);font-size:.85rem}
@media (max-width:40rem){header,main,footer{padding-left:1rem;padding-right:1rem}
.panels{grid-template-columns:1fr 1fr;gap:.8rem}.panels.wide{grid-template-columns:1fr}dl{grid-template-columns:1fr;gap:.1rem}
dd{margin-bottom:.6rem}.examples img{width:64px;height:64px}}
@media print{@page{margin:14mm}body{font-size:10.5pt}nav{display:none}section{padding:.9rem 0}
.scroll{overflow:visible}table,th{font-size:7.5pt}th,td{padding:.2rem .28rem}
h2,h3,caption,summary{break-after:avoid}tr{break-inside:avoid}
.panels{grid-template-columns:repeat(3,1fr)}.panels.wide{grid-template-columns:repeat(2,1fr)}
.examples img{width:64px;height:64px}
svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

}  // namespace deepfake
