use super::*;

fn read(key: &str, value: &str) -> Result<Vec<Point>, PointError> {
    let mut out = Vec::new();
    points(&ResultKey::parse(key.as_bytes())?, value.as_bytes(), &mut out)?;
    Ok(out)
}

fn lines(points: &[Point]) -> Vec<String> {
    let line = |point: &Point| {
        let mut out = Vec::new();
        write_line(point, &mut out);
        String::from_utf8(out).unwrap()
    };
    points.iter().map(line).collect()
}

/// A result's key and value: its fields stand after `dimensions`.
fn result(metric: &str, dimension: Option<(&str, &str)>, fields: &str) -> (String, String) {
    let pair = dimension.map(|(k, v)| format!("{k}={v}")).unwrap_or_default();
    let object = dimension.map(|(k, v)| format!("\"{k}\":\"{v}\"")).unwrap_or_default();
    let key = format!("{metric}|1000|6000|{pair}");
    let value = format!(
        r#"{{"metricType":"{metric}","category":"x","windowStart":1000,"windowEnd":6000,"dimensions":{{{object}}},{fields},"state":"final","watermark":7000,"epoch":3}}"#
    );
    (key, value)
}

fn check(metric: &str, dimension: Option<(&str, &str)>, fields: &str, expected: &[&str]) {
    let (key, value) = result(metric, dimension, fields);
    let new = read(&key, &value).unwrap();
    assert_eq!(lines(&new), expected, "{key}");
    let key = ResultKey::parse(key.as_bytes()).unwrap();
    let owned = owned(&key);
    for point in &new {
        assert_eq!(owned.iter().filter(|all| all.covers(point)).count(), 1, "{point:?}");
    }
}

#[test]
fn single_values() {
    check(
        "PAGE_VIEWS_PER_SECOND",
        None,
        r#""value":12.4,"count":62"#,
        &[r#"page_views_per_second,metric=real_time value=12.4,count=62i,state="final" 6000"#],
    );
    check(
        "ACTIVE_USERS_5M",
        None,
        r#""value":7"#,
        &[r#"active_users_5m,metric=real_time value=7,state="final" 6000"#],
    );
    check(
        "REVENUE_PER_USER",
        Some(("currency", "KWD")),
        r#""value":-4.15,"count":1"#,
        &[
            r#"revenue_per_user,currency=KWD,metric=business value=-4.15,count=1i,state="final" 6000"#,
        ],
    );
    check(
        "ABANDONMENT_RATE",
        Some(("funnel", "check out")),
        r#""value":33.333333,"count":3"#,
        &[
            r#"abandonment_rate,funnel=check\ out,metric=session value=33.333333,count=3i,state="final" 6000"#,
        ],
    );
    check(
        "PAGE_LOAD_TIME",
        None,
        r#""p50":1152,"p95":1248,"p99":2000,"count":9"#,
        &[
            r#"page_load_time,metric=business p50=1152i,p95=1248i,p99=2000i,count=9i,state="final" 6000"#,
        ],
    );
}

#[test]
fn lists_have_a_point_per_place_and_one_for_the_rest() {
    check(
        "POPULAR_CONTENT",
        None,
        r#""items":[{"url":"/a \"b\"","views":3,"users":2,"share":75},{"url":"/c","views":1,"users":1,"share":25}],"other":0,"count":4"#,
        &[
            r#"popular_content,metric=business,rank=01 url="/a \"b\"",views=3i,users=2i,share=75,state="final" 6000"#,
            r#"popular_content,metric=business,rank=02 url="/c",views=1i,users=1i,share=25,state="final" 6000"#,
            r#"popular_content,metric=business other=0i,count=4i,state="final" 6000"#,
        ],
    );
    for (metric, measurement) in
        [("DEVICES", "devices"), ("BROWSERS", "browsers"), ("OS", "os"), ("REFERRERS", "referrers")]
    {
        check(
            metric,
            None,
            r#""items":[{"name":"(direct)","views":3,"users":2}],"other":5,"count":8"#,
            &[
                &format!(
                    r#"{measurement},metric=business,rank=01 name="(direct)",views=3i,users=2i,state="final" 6000"#
                ),
                &format!(r#"{measurement},metric=business other=5i,count=8i,state="final" 6000"#),
            ],
        );
    }
    check(
        "GEO_DISTRIBUTION",
        None,
        r#""items":[{"country":"DE","views":3,"users":2},{"country":"(unknown)","views":1,"users":1}],"other":2,"cities":[{"country":"DE","city":"Köln","views":3,"users":2}],"count":6"#,
        &[
            r#"geo_distribution,country=DE,metric=business views=3i,users=2i,state="final" 6000"#,
            r#"geo_distribution,country=(unknown),metric=business views=1i,users=1i,state="final" 6000"#,
            r#"geo_cities,metric=business,rank=01 country="DE",city="Köln",views=3i,users=2i,state="final" 6000"#,
            r#"geo_distribution,metric=business other=2i,count=6i,state="final" 6000"#,
        ],
    );
}

#[test]
fn results_over_sessions() {
    check(
        "JOURNEYS",
        None,
        r#""items":[{"path":["/","/cart"],"sessions":4}],"transitions":[{"from":"/","to":"/cart","count":5}],"count":9"#,
        &[
            r#"journeys,metric=session,rank=01 path="/ > /cart",sessions=4i,state="final" 6000"#,
            r#"journey_transitions,metric=session,rank=01 from="/",to="/cart",count=5i,state="final" 6000"#,
            r#"journeys,metric=session count=9i,state="final" 6000"#,
        ],
    );
    check(
        "FUNNEL",
        Some(("funnel", "checkout")),
        r#""items":[{"step":1,"name":"/p/*","sessions":4},{"step":2,"name":"/cart","sessions":1,"dropOff":75,"medianMs":5024},{"step":3,"name":"CONVERSION","sessions":0,"dropOff":100}],"count":9"#,
        &[
            r#"funnel,funnel=checkout,metric=session,step=1 name="/p/*",sessions=4i,state="final" 6000"#,
            r#"funnel,funnel=checkout,metric=session,step=2 name="/cart",sessions=1i,dropOff=75,medianMs=5024i,state="final" 6000"#,
            r#"funnel,funnel=checkout,metric=session,step=3 name="CONVERSION",sessions=0i,dropOff=100,state="final" 6000"#,
            r#"funnel,funnel=checkout,metric=session count=9i,state="final" 6000"#,
        ],
    );
    check(
        "BEHAVIOUR",
        None,
        r#""pageViews":[{"from":0,"to":0,"sessions":1},{"from":21,"sessions":2}],"duration":[{"from":1,"to":10000,"sessions":3}],"newUsers":2,"returningUsers":1,"count":3"#,
        &[
            r#"behaviour,from=0,histogram=pageViews,metric=session to=0i,sessions=1i,state="final" 6000"#,
            r#"behaviour,from=21,histogram=pageViews,metric=session sessions=2i,state="final" 6000"#,
            r#"behaviour,from=1,histogram=duration,metric=session to=10000i,sessions=3i,state="final" 6000"#,
            r#"behaviour,metric=session count=3i,newUsers=2i,returningUsers=1i,state="final" 6000"#,
        ],
    );
    assert!(read("SESSION|5||session=s,user=u", "anything").unwrap().is_empty());
}

fn refuse(key: &str, value: &str, expected: &str) {
    let error = read(key, value).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn what_is_not_the_result_of_the_key_is_refused() {
    let (key, value) = result("ACTIVE_USERS", None, r#""value":2,"count":3"#);
    refuse(&key, &value[1..], "not a result");
    refuse(&key, &value.replace(r#""value":2,"#, ""), "the field `value` is missing");
    refuse(&key, &value.replace(r#""value":2,"#, r#""value":"2","#), "not a result");
    refuse(&key, &value.replace("final", "provisional"), "its state is `provisional`");
    refuse(&key, &value.replace("6000", "6001"), "key and value differ in `windowEnd`");
    refuse(&key, &value.replace("ACTIVE", "PASSIVE"), "key and value differ in `metricType`");
    let odd = value.replace(r#""dimensions":{}"#, r#""dimensions":{"a":"b"}"#);
    refuse(&key, &odd, "key and value differ in `dimensions`");
    refuse("X|1|2|", &value, "not the key of a result");
}

fn devices(names: &[&str]) -> (ResultKey, Vec<Point>) {
    let item = |name: &&str| format!(r#"{{"name":"{name}","views":1,"users":1}}"#);
    let items: Vec<_> = names.iter().map(item).collect();
    let fields = format!(r#""items":[{}],"other":0,"count":9"#, items.join(","));
    let (key, value) = result("DEVICES", None, &fields);
    (ResultKey::parse(key.as_bytes()).unwrap(), read(&key, &value).unwrap())
}

#[test]
fn a_list_that_is_too_long_is_refused() {
    let names: Vec<_> = (0..21).map(|i| format!("n{i}")).collect();
    let item = |name: &String| format!(r#"{{"name":"{name}","views":1,"users":1}}"#);
    let items: Vec<_> = names.iter().map(item).collect();
    let fields = format!(r#""items":[{}],"other":0,"count":9"#, items.join(","));
    let (key, value) = result("DEVICES", None, &fields);
    refuse(&key, &value, "21 places in `items`, 20 at most");
}

#[test]
fn a_shorter_list_deletes_the_places_that_are_gone() {
    let (key, long) = devices(&["a", "b", "c"]);
    let (_, short) = devices(&["c"]);
    let places = lines(&gone(&long, &short).into_iter().cloned().collect::<Vec<_>>());
    assert_eq!(places.len(), 2);
    assert!(places[0].starts_with("devices,metric=business,rank=02 "));
    assert!(places[1].starts_with("devices,metric=business,rank=03 "));
    assert!(gone(&short, &long).is_empty());

    let stale = stale(&key, &short);
    assert_eq!(stale.len(), 19, "ranks 02 to 20");
    let is_stale = |point: &&Point| stale.iter().any(|selector| selector.covers(point));
    assert_eq!(long.iter().filter(is_stale).count(), 2);
    assert_eq!(short.iter().filter(is_stale).count(), 0);
}

#[test]
fn places_without_a_number_and_fields_that_can_vanish_are_deleted_as_a_whole() {
    let step = |rest: &str| {
        let item = format!(r#""items":[{{"step":2,"name":"/b","sessions":1{rest}}}],"count":1"#);
        let (key, value) = result("FUNNEL", Some(("funnel", "f")), &item);
        (ResultKey::parse(key.as_bytes()).unwrap(), read(&key, &value).unwrap())
    };
    let (key, with) = step(r#","dropOff":50"#);
    let (_, without) = step("");
    assert_eq!(gone(&with, &without), [&with[0]]);
    assert!(gone(&without, &with).is_empty());
    assert_eq!(stale(&key, &without), owned(&key));

    let geo = |countries: &str| {
        let fields = format!(r#""items":[{countries}],"other":0,"cities":[],"count":1"#);
        let (key, value) = result("GEO_DISTRIBUTION", None, &fields);
        (ResultKey::parse(key.as_bytes()).unwrap(), read(&key, &value).unwrap())
    };
    let (key, old) = geo(r#"{"country":"DE","views":1,"users":1}"#);
    let (_, new) = geo("");
    assert_eq!(gone(&old, &new), [&old[0]]);
    let stale = stale(&key, &new);
    assert_eq!(stale[0], owned(&key)[0]);
    assert_eq!(stale.len(), 1 + 20);
}
